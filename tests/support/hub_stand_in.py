"""A stand-in for the Hugging Face Hub on the loopback interface, written with the standard library alone.

It serves what huggingface_hub and datasets ask for: repositories with commits, trees and files, downloads with ranges,
and uploads (create, preupload, LFS batch and PUT, commit). It records every request, and misbehaves when told to.

    with hub({"raw_meta_Appliances/full-00000-of-00001.parquet": content}, home=tmp_path) as server:
        subprocess.run([...], env=server.environment())
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, quote, unquote, urlsplit

AMAZON = "McAuley-Lab/Amazon-Reviews-2023"
USER = "tester"

# What is stored in git itself rather than in LFS, by the endings the Hub's own .gitattributes leaves out.
_IN_GIT = (".md", ".json", ".yaml", ".yml", ".txt", ".gitattributes", ".toml")
_DATE = "2023-11-14T22:13:20.000Z"


@dataclass(frozen=True)
class Request:
    """One request, as it came in, and how it was answered (0: the connection was dropped)."""

    host: str
    method: str
    path: str
    query: dict[str, list[str]]
    authorization: str | None
    range: str | None
    status: int


@dataclass
class Repository:
    """A repository: its commits, the newest last, each with all its files."""

    kind: str
    name: str
    private: bool = False
    commits: list[tuple[str, dict[str, bytes]]] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.commits:
            self.commit({}, "initial commit")

    def commit(self, files: Mapping[str, bytes], title: str = "change") -> str:
        """Make `files` the content of a new commit; return its sha."""
        parent = self.commits[-1][0] if self.commits else ""
        listing = "".join(f"{name} {sha256(content)}\n" for name, content in sorted(files.items()))
        sha = hashlib.sha1(f"{self.name}\n{parent}\n{title}\n{listing}".encode()).hexdigest()
        self.commits.append((sha, dict(files)))
        self.titles.append(title)
        return sha

    @property
    def sha(self) -> str:
        return self.commits[-1][0]

    @property
    def files(self) -> dict[str, bytes]:
        """The files of the newest commit."""
        return self.commits[-1][1]

    def at(self, revision: str) -> tuple[str, dict[str, bytes]] | None:
        if revision == "main":
            return self.commits[-1]
        return next((one for one in self.commits if one[0] == revision), None)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _in_git(path: str) -> bool:
    return path.endswith(_IN_GIT) and not path.endswith(".jsonl")


def _blob(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@dataclass
class _Trouble:
    """What to do to the next requests whose path holds `path`: answer `status`, or stop after some bytes of a file."""

    path: str
    times: int
    status: int = 0
    after: int = 0
    hang: bool = False


class Hub:
    """The server. `address` is what HF_ENDPOINT must be; large files are kept at `storage`."""

    def __init__(self, home: Path, token: str | None = None) -> None:
        self.home = home
        self.token = token
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.objects: dict[str, bytes] = {}
        self.requests: list[Request] = []
        self.hanging = threading.Event()
        self.closing = threading.Event()
        self._troubles: list[_Trouble] = []
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"hub": self})
        self._servers = [ThreadingHTTPServer(("127.0.0.1", 0), handler) for _ in range(2)]
        self.address, self.storage = (f"http://127.0.0.1:{server.server_address[1]}" for server in self._servers)
        self._threads = [threading.Thread(target=server.serve_forever, args=(0.02,)) for server in self._servers]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self.closing.set()
        for server, thread in zip(self._servers, self._threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()

    def reset(self) -> None:
        """Forget everything, as if it had just been started."""
        self.repositories.clear()
        self.objects.clear()
        self.requests.clear()
        self.well()

    def well(self) -> None:
        """Misbehave no more."""
        self._troubles.clear()
        self.hanging.clear()

    def add(self, name: str, files: Mapping[str, bytes], *, kind: str = "dataset", private: bool = False) -> Repository:
        """Add a repository that holds `files`."""
        repository = self.repositories[kind, name] = Repository(kind, name, private)
        repository.commit(files, "add files")
        return repository

    def fail(self, status: int, times: int = 1, path: str = "") -> None:
        """Answer the next `times` requests whose path holds `path` with `status`."""
        self._troubles.append(_Trouble(path, times, status=status))

    def drop(self, path: str, after: int, times: int = 1) -> None:
        """Close the connection after `after` bytes of the next `times` downloads whose path holds `path`."""
        self._troubles.append(_Trouble(path, times, after=after))

    def hang(self, path: str, after: int = 0, times: int = 1) -> None:
        """Send nothing more after `after` bytes of the next `times` answers (not to HEAD); `hanging` is set then."""
        self._troubles.append(_Trouble(path, times, after=after, hang=True))

    def trouble(self, method: str, path: str) -> _Trouble | None:
        """Return the trouble that is meant for a request, once for each time it is to happen."""
        with self._lock:
            for one in self._troubles:
                if one.times and one.path in path and (one.status or method != "HEAD"):
                    one.times -= 1
                    return one
        return None

    def downloads(self) -> list[Request]:
        """Return the requests for the content of large files."""
        return [one for one in self.requests if one.method == "GET" and one.path.startswith("/storage/")]

    def environment(self, **changes: str | None) -> dict[str, str]:
        """Return an environment in which the libraries know this Hub only; None in `changes` removes a variable."""
        kept = {name: text for name, text in os.environ.items() if not re.match(r"(?i)HF_|HUGGING|.*_proxy$", name)}
        mine: dict[str, str | None] = {
            "HF_ENDPOINT": self.address,
            "HF_HOME": str(self.home),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        }
        merged = kept | mine | changes
        return {name: text for name, text in merged.items() if text is not None}


@contextlib.contextmanager
def hub(files: Mapping[str, bytes], *, home: Path, repo: str = AMAZON, token: str | None = None) -> Iterator[Hub]:
    """Run a Hub with one dataset. With a token, every request must carry it."""
    server = Hub(home, token)
    try:
        server.add(repo, files)
        yield server
    finally:
        server.close()


class _Error(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code


class _Handler(BaseHTTPRequestHandler):
    """Answers requests; a method's name is its route's in `_ROUTES`."""

    hub: ClassVar[Hub]
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet; `Hub.requests` has it all."""

    def _serve(self) -> None:
        url = urlsplit(self.path)
        self.route, self.query = unquote(url.path), parse_qs(url.query)
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding") == "chunked":
            self.body = self._chunks()
        self.trouble = self.hub.trouble(self.command, self.route)
        try:
            if self.trouble is not None and self.trouble.status:
                raise _Error(self.trouble.status, "told to fail")
            self._check_token()
            for method, pattern, name in _ROUTES:
                if method == self.command and (match := re.fullmatch(pattern, self.route)):
                    getattr(self, name)(**match.groupdict())
                    return
            raise _Error(404, f"no such route: {self.command} {self.route}")
        except _Error as error:
            headers = {"X-Error-Message": error.message} | ({"X-Error-Code": error.code} if error.code else {})
            self._json({"error": error.message}, error.status, headers)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815

    def _chunks(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _check_token(self) -> None:
        sent = self.headers.get("Authorization")
        if self.hub.token is None or self.route.startswith("/storage/") or sent == f"Bearer {self.hub.token}":
            return
        if sent is None:
            raise _Error(401, "Repository not found", "RepoNotFound")
        raise _Error(401, "Invalid credentials in Authorization header")

    def _record(self, status: int) -> None:
        sent = self.headers.get("Authorization")
        host = f"http://{self.headers.get('Host')}"
        one = Request(host, self.command, self.route, self.query, sent, self.headers.get("Range"), status)
        self.hub.requests.append(one)

    def _json(self, answer: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self._send(json.dumps(answer).encode(), status, {"Content-Type": "application/json", **(headers or {})})

    def _send(self, content: bytes, status: int, headers: Mapping[str, str]) -> None:
        stop = self.trouble if self.trouble is not None and not self.trouble.status else None
        self._record(0 if stop else status)
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(content)))
        if stop is not None and not stop.after:
            self._stop(stop)
            return
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[: stop.after] if stop else content)
        if stop is not None:
            self._stop(stop)

    def _stop(self, trouble: _Trouble) -> None:
        self.wfile.flush()
        if trouble.hang:
            self.hub.hanging.set()
            self.hub.closing.wait()
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _repository(self, kind: str, name: str) -> Repository:
        found = self.hub.repositories.get((kind, name))
        if found is None or (found.private and self.headers.get("Authorization") is None):
            raise _Error(404 if self.headers.get("Authorization") else 401, "Repository not found", "RepoNotFound")
        return found

    def _commit(self, kind: str, name: str, revision: str | None) -> tuple[Repository, str, dict[str, bytes]]:
        repository = self._repository(kind, name)
        commit = repository.at(revision or "main")
        if commit is None:
            raise _Error(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return repository, *commit

    # Reading

    def whoami(self) -> None:
        if self.headers.get("Authorization") is None:
            raise _Error(401, "Invalid username or password.")
        self._json({"type": "user", "name": USER, "fullname": USER, "orgs": [], "auth": {"type": "access_token"}})

    def info(self, kind: str, name: str, revision: str | None = None) -> None:
        repository, sha, files = self._commit(kind, name, revision)
        siblings: list[dict[str, Any]] = [{"rfilename": path} for path in sorted(files)]
        if "blobs" in self.query:
            for one in siblings:
                content = files[one["rfilename"]]
                one |= {"size": len(content), "blobId": _blob(content)}
                if not _in_git(one["rfilename"]):
                    one["lfs"] = {"sha256": sha256(content), "size": len(content), "pointerSize": 134}
        answer = {"id": name, "sha": sha, "private": repository.private, "siblings": siblings, "tags": []}
        self._json(answer | {"gated": False, "disabled": False, "downloads": 0, "likes": 0, "lastModified": _DATE})

    def tree(self, kind: str, name: str, revision: str, folder: str | None = None) -> None:
        _, sha, files = self._commit(kind, name, revision)
        prefix = f"{folder}/" if folder else ""
        inside = [path for path in sorted(files) if path.startswith(prefix)]
        if not inside and folder:
            raise _Error(404, f"{folder} does not exist on {revision}", "EntryNotFound")
        recursive = self.query.get("recursive", ["false"])[0].lower() in ("true", "1")
        here = [path for path in inside if recursive or "/" not in path[len(prefix) :]]
        found = {path: self._entry(path, files[path], sha) for path in here}
        for path in inside:
            parents = path[len(prefix) :].split("/")[:-1]
            for depth in range(1, len(parents) + 1 if recursive else min(len(parents), 1) + 1):
                top = prefix + "/".join(parents[:depth])
                found[top] = {"type": "directory", "path": top, "oid": _blob(top.encode()), "size": 0}
        self._json([found[path] for path in sorted(found)])

    def paths_info(self, kind: str, name: str, revision: str) -> None:
        _, sha, files = self._commit(kind, name, revision)
        if self.headers.get("Content-Type", "").startswith("application/json"):
            paths = json.loads(self.body)["paths"]
        else:
            paths = parse_qs(self.body.decode()).get("paths", [])
        answer = [self._entry(path, files[path], sha) for path in paths if path in files]
        for path in paths:
            if path not in files and any(one.startswith(f"{path}/") for one in files):
                answer.append({"type": "directory", "path": path, "oid": _blob(path.encode()), "size": 0})
        self._json(answer)

    def _entry(self, path: str, content: bytes, sha: str) -> dict[str, Any]:
        entry: dict[str, Any] = {"type": "file", "path": path, "oid": _blob(content), "size": len(content)}
        if not _in_git(path):
            entry["lfs"] = {"oid": sha256(content), "size": len(content), "pointerSize": 134}
        if self.query.get("expand", ["false"])[0].lower() == "true" or b"expand" in self.body:
            entry["lastCommit"] = {"id": sha, "title": "change", "date": _DATE}
        return entry

    def refs(self, kind: str, name: str) -> None:
        sha = self._repository(kind, name).sha
        branches = [{"name": "main", "ref": "refs/heads/main", "targetCommit": sha}]
        self._json({"branches": branches, "tags": [], "converts": []})

    def resolve(self, name: str, revision: str, path: str, kind: str = "model") -> None:
        _, sha, files = self._commit(kind.removesuffix("s"), name, revision)
        headers = {"X-Repo-Commit": sha}
        if path not in files:
            raise _Error(404, "Entry not found", "EntryNotFound")
        content = files[path]
        if _in_git(path):
            self._content(content, headers | {"ETag": f'"{_blob(content)}"'})
            return
        # As on the Hub, large files come from another host, which must not be sent the token.
        self.hub.objects[sha256(content)] = content
        headers |= {"X-Linked-Etag": f'"{sha256(content)}"', "X-Linked-Size": str(len(content))}
        self._send(b"", 302, headers | {"Location": f"{self.hub.storage}/storage/{sha256(content)}/{quote(path)}"})

    def stored(self, oid: str) -> None:
        if oid not in self.hub.objects:
            raise _Error(404, "no such object")
        self._content(self.hub.objects[oid], {"ETag": f'"{oid}"'})

    def _content(self, content: bytes, headers: Mapping[str, str]) -> None:
        headers = {**headers, "Accept-Ranges": "bytes"}
        match = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range") or "")
        if match is None:
            self._send(content, 200, headers)
            return
        first, last = match.groups()
        start = int(first) if first else max(0, len(content) - int(last))
        stop = min(int(last) + 1, len(content)) if first and last else len(content)
        if start >= len(content):
            raise _Error(416, "Range not satisfiable")
        self._send(content[start:stop], 206, headers | {"Content-Range": f"bytes {start}-{stop - 1}/{len(content)}"})

    # Writing

    def create(self) -> None:
        wanted = json.loads(self.body)
        kind = wanted.get("type") or "model"
        name = f"{wanted.get('organization') or USER}/{wanted['name']}"
        url = f"{self.hub.address}/{'' if kind == 'model' else f'{kind}s/'}{name}"
        if (kind, name) in self.hub.repositories:
            self._json({"error": "You already created this repo", "url": url}, 409)
            return
        private = wanted.get("visibility") == "private" or bool(wanted.get("private"))
        self.hub.repositories[kind, name] = Repository(kind, name, private)
        self._json({"url": url, "name": name})

    def delete(self) -> None:
        wanted = json.loads(self.body)
        key = (wanted.get("type") or "model", f"{wanted.get('organization') or USER}/{wanted['name']}")
        self._repository(*key)
        del self.hub.repositories[key]
        self._json({})

    def settings(self, kind: str, name: str) -> None:
        wanted = json.loads(self.body)
        self._repository(kind, name).private = wanted.get("visibility", "private") == "private"
        self._json(wanted)

    def validate(self) -> None:
        self._json({"errors": [], "warnings": []})

    def preupload(self, kind: str, name: str, revision: str) -> None:
        _, _, files = self._commit(kind, name, revision)
        answer = []
        for one in json.loads(self.body)["files"]:
            path, known = one["path"], files.get(one["path"])
            oid = known and (_blob(known) if _in_git(path) else sha256(known))
            mode = "regular" if _in_git(path) else "lfs"
            answer.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": oid or None})
        self._json({"files": answer})

    def batch(self, name: str, kind: str = "model") -> None:
        self._repository(kind.removesuffix("s"), name)
        answer = []
        for one in json.loads(self.body)["objects"]:
            if one["oid"] not in self.hub.objects:
                one["actions"] = {"upload": {"href": f"{self.hub.storage}/storage/{one['oid']}"}}
            answer.append(one)
        self._json({"transfer": "basic", "objects": answer})

    def put(self, oid: str) -> None:
        if sha256(self.body) != oid:
            raise _Error(400, "the content has another sha256")
        self.hub.objects[oid] = self.body
        self._send(b"", 200, {})

    def commit(self, kind: str, name: str, revision: str) -> None:
        repository, sha, files = self._commit(kind, name, revision)
        files, title = dict(files), ""
        for line in self.body.splitlines():
            one = json.loads(line)
            key, value = one["key"], one["value"]
            if key == "header":
                title = value["summary"]
                if value.get("parentCommit") not in (None, sha):
                    raise _Error(412, "A commit has happened since. Please refresh and try again.")
            elif key == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif key == "lfsFile":
                if value["oid"] not in self.hub.objects:
                    raise _Error(400, f"the content of {value['path']} was not uploaded")
                files[value["path"]] = self.hub.objects[value["oid"]]
            elif key == "deletedFile":
                if files.pop(value["path"], None) is None:
                    raise _Error(400, f"{value['path']} does not exist")
            elif key == "deletedFolder":
                folder = value["path"].rstrip("/") + "/"
                files = {path: content for path, content in files.items() if not path.startswith(folder)}
        new = repository.commit(files, title)
        url = f"{self.hub.address}/{kind}s/{name}/commit/{new}"
        self._json({"success": True, "commitOid": new, "commitUrl": url, "hookOutput": ""})


_NAME = r"(?P<name>[\w.-]+/[\w.-]+)"
_API = rf"/api/(?P<kind>model|dataset|space)s/{_NAME}"
_RESOLVE = r"/resolve/(?P<revision>[^/]+)/(?P<path>.+)"
_ROUTES = (
    ("GET", r"/api/whoami-v2", "whoami"),
    ("GET", _API, "info"),
    ("GET", rf"{_API}/revision/(?P<revision>.+)", "info"),
    ("GET", rf"{_API}/tree/(?P<revision>[^/]+)(?:/(?P<folder>.+))?", "tree"),
    ("POST", rf"{_API}/paths-info/(?P<revision>.+)", "paths_info"),
    ("GET", rf"{_API}/refs", "refs"),
    ("POST", r"/api/repos/create", "create"),
    ("DELETE", r"/api/repos/delete", "delete"),
    ("PUT", rf"{_API}/settings", "settings"),
    ("POST", r"/api/validate-yaml", "validate"),
    ("POST", rf"{_API}/preupload/(?P<revision>.+)", "preupload"),
    ("POST", rf"{_API}/commit/(?P<revision>.+)", "commit"),
    ("PUT", r"/storage/(?P<oid>[0-9a-f]{64})", "put"),
    ("GET", r"/storage/(?P<oid>[0-9a-f]{64})/.+", "stored"),
    ("HEAD", r"/storage/(?P<oid>[0-9a-f]{64})/.+", "stored"),
    *(
        (method, rf"{prefix}/{_NAME}{rest}", route)
        for prefix in (r"/(?P<kind>datasets|spaces)", "")
        for method, rest, route in (
            ("HEAD", _RESOLVE, "resolve"),
            ("GET", _RESOLVE, "resolve"),
            ("POST", r"\.git/info/lfs/objects/batch", "batch"),
        )
    ),
)
