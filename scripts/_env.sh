# Sourced by the scripts beside it: `ensure_env [EXTRA...]` makes a virtual environment in .venv, the first time, and
# installs this checkout there with the extras. PYTHON=... names another Python, CURATOR_VENV=... another folder.
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
VENV="${CURATOR_VENV:-$ROOT/.venv}"
CONSTRAINTS="${CURATOR_CONSTRAINTS:-$ROOT/scripts/constraints.txt}" # the releases that were tested

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "error: $*" && exit 1; }

ensure_env() {
    local python version wanted extras="$*" stamp="$VENV/.installed-${*// /-}"
    for python in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        version="$("$python" -c 'import sys; v = sys.version; sys.exit(v) if sys.version_info < (3, 11) else print(v)' 2>&1)" && break
        say "$python is not Python 3.11 or newer: ${version:-it is not there}" && python=
    done
    [[ $python ]] || die "no Python 3.11 or newer was found: install one, or name it: PYTHON=/path/to/python $0"
    wanted="$version $(cat "$ROOT/setup.cfg" "$ROOT/pyproject.toml" "$CONSTRAINTS" | cksum)"
    [[ ! -e $stamp || $(<"$stamp") != "$wanted" ]] || return 0
    [[ ! -e $VENV || -e $VENV/pyvenv.cfg ]] || die "$VENV is not a virtual environment: CURATOR_VENV=/another/folder $0"
    [[ $("$VENV/bin/python" -c 'import sys; print(sys.version)' 2>&1) == "$version" ]] || "$python" -m venv --clear "$VENV"
    say "installing curator in $VENV; the first time some minutes"
    "$VENV/bin/python" -m pip install -qq --no-input --disable-pip-version-check --constraint "$CONSTRAINTS" \
        --editable "$ROOT${extras:+[${extras// /,}]}" || die "pip could not install curator (above): mend that, then run $0 again"
    printf '%s' "$wanted" >"$stamp"
}
