# Sourced by scripts/run and scripts/test: makes a virtual environment and installs this checkout in it, when needed.
#
#   ensure_env [EXTRA...]     afterwards "$VENV/bin" holds python, curator and what the extras bring
#
# PYTHON=...         the Python to use (else the first of python3.13, python3.12, python3.11, python3 that will do)
# CURATOR_VENV=...   where the environment goes (else .venv in the repository)
#
# In the environment .curator-env marks a folder that these scripts made and may clear, and .curator-stamp, written
# last, holds what was installed: a fingerprint on its first line, the extras on its second. No stamp means that an
# earlier attempt was interrupted. All messages go to standard error.

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
VENV="${CURATOR_VENV:-$ROOT/.venv}"
[[ $VENV == /* ]] || VENV="$PWD/$VENV"
CONSTRAINTS="$ROOT/scripts/constraints.txt"
NEED_MB=2000       # free space to start with: an environment takes 1,050 MB, downloads and their cache come beside it
NEED_MB_LLAMA=4500 # the same with the extra llama: 2,460 MB with torch for CPUs (several times that with one for GPUs)

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() {
    say "error: $1"
    shift
    (($# == 0)) || printf '  %s\n' "$@" >&2
    exit 1
}

# Such as 3.11.9, or nothing where that is not a Python that runs.
version_of() { "$1" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null || true; }

# Sets PY to a Python that will do and PY_VERSION to its version, or ends with what was found and what to do.
find_python() {
    local candidate version found=()
    local candidates=(python3.13 python3.12 python3.11 python3)
    [[ -z ${PYTHON:-} ]] || candidates=("$PYTHON")
    for candidate in "${candidates[@]}"; do
        command -v "$candidate" >/dev/null || continue
        # Asked, not believed: the name of a version manager's shim says nothing about what is behind it.
        version="$(version_of "$candidate")"
        if [[ $version =~ ^3\.([0-9]+)\.[0-9]+$ ]] && ((BASH_REMATCH[1] >= 11)); then
            PY="$candidate" PY_VERSION="$version"
            return
        fi
        found+=("$candidate is ${version:-not a Python that runs}")
    done
    ((${#found[@]})) || found=("none of ${candidates[*]} is on the PATH")
    die "curator needs Python 3.11 or newer" "${found[@]/#/found: }" \
        "Install one, or name it: PYTHON=/path/to/python3.11 $0"
}

check_disk() {
    local free_mb
    free_mb="$(df -Pk "$VENV" | awk 'NR == 2 {print int($4 / 1024)}')" || return 0
    [[ $free_mb =~ ^[0-9]+$ ]] || return 0
    ((free_mb >= NEED_MB)) || die "not enough disk space for the environment in $VENV" \
        "free: $free_mb MB, needed: $NEED_MB MB" \
        "Free some, or put the environment elsewhere: CURATOR_VENV=/path/on/a/larger/disk $0"
}

make_venv() {
    local log="$VENV/venv.log"
    find "$VENV" -mindepth 1 -maxdepth 1 ! -name .curator-env -exec rm -rf {} +
    check_disk
    say "making the virtual environment $VENV with Python $PY_VERSION"
    if "$PY" -c 'import ensurepip' 2>/dev/null; then
        "$PY" -m venv "$VENV" >"$log" 2>&1 && return
    elif "$PY" -m pip --version >/dev/null 2>&1; then # as Debian's Python without its venv package
        "$PY" -m venv --without-pip "$VENV" >"$log" 2>&1 &&
            "$PY" -m pip --python "$VENV/bin/python" install --quiet pip >>"$log" 2>&1 && return
    fi
    [[ ! -s $log ]] || tail -n 5 "$log" >&2
    die "$PY could not make a virtual environment in $VENV" \
        "Where Python comes in parts, install its venv part (Debian: apt-get install python3-venv) and try again."
}

# What most likely went wrong, after pip's own last words. An environment that pip had not begun to change stays valid.
explain_pip_failure() {
    local log="$1" what="pip could not install curator"
    local no_network='connection (error|refused|aborted|reset)|failed to establish|name resolution|timed out'
    no_network+='|network is unreachable|proxyerror|from versions: none'
    if [[ -e $VENV/.curator-stamp.old ]] && ! grep -q 'Installing collected packages' "$log"; then
        mv "$VENV/.curator-stamp.old" "$VENV/.curator-stamp"
    fi
    if grep -qE 'No space left on device|Errno 28' "$log"; then
        what="the disk filled up while pip was installing"
    elif grep -qiE "$no_network" "$log"; then
        what="pip could not reach a package registry (no network, or a mirror that lacks a package)"
    fi
    { grep -oE 'ERROR: .*' "$log" || tail -n 5 "$log"; } | awk '!seen[$0]++' | tail -n 5 | sed 's/^/  /' >&2
    die "$what" "The whole log: $log" "Once that is mended, run the same command again: $0"
}

install() {
    local extras="$1" log="$VENV/pip.log" started=$SECONDS
    say "installing curator${extras:+ with the extras $extras}; the first time some minutes (log: $log)"
    : >"$log"
    [[ ! -e $VENV/.curator-stamp ]] || mv "$VENV/.curator-stamp" "$VENV/.curator-stamp.old"
    (cd "$ROOT" && "$VENV/bin/python" -m pip install --no-input --disable-pip-version-check --progress-bar off \
        --log "$log" --constraint "$CONSTRAINTS" --editable ".${extras:+[$extras]}") </dev/null >/dev/null 2>>"$log" || explain_pip_failure "$log"
    say "installed in $((SECONDS - started)) s"
}

ensure_env() {
    local have="" extras fingerprint stamp version
    find_python
    mkdir -p "$VENV" 2>/dev/null || die "can't make the folder $VENV" "Choose another: CURATOR_VENV=/path $0"
    if [[ ! -e $VENV/.curator-env ]]; then
        [[ -z "$(ls -A "$VENV")" ]] || die "$VENV exists and was not made by this script, so it is left alone" \
            "Remove it, or choose another folder: CURATOR_VENV=/path $0"
        : >"$VENV/.curator-env"
    fi
    exec 9<"$VENV"
    if command -v flock >/dev/null && ! flock -n 9; then
        say "waiting for another command that is setting up $VENV"
        flock 9
    fi

    stamp="$VENV/.curator-stamp"
    fingerprint="$({ cat "$ROOT/setup.cfg" "$ROOT/pyproject.toml" "$CONSTRAINTS" && echo "$PY_VERSION $ROOT $VENV"; } |
        "$PY" -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())')"
    [[ ! -e $stamp ]] || have="$(sed -n 2p "$stamp")"
    extras="$(printf '%s\n' $have "$@" | sort -u | paste -sd' ' - | sed 's/^ //')"
    version="$(version_of "$VENV/bin/python")"
    [[ " $extras " != *" llama "* ]] || NEED_MB=$NEED_MB_LLAMA
    if [[ ! -e $stamp || $version != "$PY_VERSION" ]]; then
        make_venv
        install "${extras// /,}"
    elif [[ "$(sed -n 1p "$stamp")" != "$fingerprint" || $have != "$extras" ]]; then
        install "${extras// /,}"
    else
        say "using the virtual environment $VENV"
    fi
    printf '%s\n%s\n' "$fingerprint" "$extras" >"$stamp.new"
    mv "$stamp.new" "$stamp"
    rm -f "$stamp.old"
    exec 9<&-
}
