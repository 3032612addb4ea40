"""A stand-in for OpenAI's files and fine-tuning jobs on the loopback interface, which keeps what it is sent.

Jobs go on by one stage each time somebody asks how they stand. Every request and every answer is checked against
OpenAI's own OpenAPI document, where that is at hand, and it misbehaves when told to.

    with peer() as server:
        subprocess.run([...], env={"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": server.address})
    assert server.violations == []
"""

from __future__ import annotations

import base64
import contextlib
import email.parser
import email.policy
import hashlib
import json
import math
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from repository import DATA

CONTRACT = DATA.parent / "contracts" / "openai-fine-tuning.openapi.json"
KEY = "sk-test-0123456789"
_NOW = 1_745_810_000

Json = dict[str, Any]


def steps(total: int, *, every: int = 10) -> list[Json]:
    """Metrics as OpenAI tells them: a loss each step, a validation loss at some, one of all rows at the end."""
    rows = []
    for step in range(1, total + 1):
        row: Json = {"step": step, "train_loss": round(1 + 3 * math.exp(-step / 12), 6), "total_steps": total}
        row["train_mean_token_accuracy"] = 0.75
        if step % every == 0 or step == total:
            row |= {"valid_loss": round(1.1 + 2 * math.exp(-step / 12), 6), "valid_mean_token_accuracy": 0.75}
        if step == total:
            row |= {"full_valid_loss": 1.119309, "full_valid_mean_token_accuracy": 0.7925}
        rows.append(row)
    return rows


@dataclass
class Stage:
    """What a job is when somebody asks: its status, and events that are new."""

    status: str
    messages: list[str] = field(default_factory=list)
    metrics: list[Json] = field(default_factory=list)
    error: Json | None = None


def success(total: int = 12) -> list[Stage]:
    """A job that succeeds, with the pause for the provider's validation between its last step and its model."""
    rows, half = steps(total), total // 2
    return [
        Stage("validating_files", ["Validating training file"]),
        Stage("queued", ["Files validated, moving job to queued state"]),
        Stage("running", ["Fine-tuning job started"], rows[:half]),
        Stage("running", [], rows[half:]),
        Stage("running", ["Evaluating model against our usage policies"]),
        Stage("succeeded", ["New fine-tuned model created", "The job has successfully completed"]),
    ]


def failure(message: str) -> list[Stage]:
    """A job whose file is refused."""
    error = {"code": "invalid_training_file", "message": message, "param": "training_file"}
    return [Stage("validating_files", ["Validating training file"]), Stage("failed", [message], error=error)]


@dataclass
class Trouble:
    """What to do to the next requests that match.

    Attributes:
        match: A pattern of ``METHOD path``.
        times: How many requests it befalls.
        status: The answer's status; 0 drops the connection.
        late: Whether the request has its effect first.
        body: The answer, if it is not an error's JSON.
        headers: Of the answer.
    """

    match: str
    times: int = 1
    status: int = 500
    late: bool = False
    body: str | None = None
    headers: dict[str, str] = field(default_factory=lambda: {"retry-after-ms": "1"})


class Peer:
    """The server and all it holds."""

    def __init__(self, contract: Json | None) -> None:
        self.files: dict[str, Json] = {}
        self.contents: dict[str, bytes] = {}
        self.jobs: dict[str, Json] = {}
        self.events: dict[str, list[Json]] = {}
        self.script: Callable[[], list[Stage]] = success
        self.keeps_metadata = True
        self.takes_metadata = True
        self.result: bytes | None = None
        """The result file, if it is not what the events tell."""
        self.troubles: list[Trouble] = []
        self.requests: list[str] = []
        self.bodies: list[Json] = []
        self.violations: list[str] = []
        self.checked = 0
        self.after: Callable[[str], None] = lambda request: None
        """Called once a request has had its effect, before it is answered."""
        self.address = ""
        self.lock = threading.Lock()
        self._stages: dict[str, list[Stage]] = {}
        self._contract = contract

    def count(self, pattern: str) -> int:
        """How many requests match ``METHOD path``."""
        return sum(re.search(pattern, request) is not None for request in self.requests)

    def check(self, method: str, path: str, what: str, value: Any) -> None:
        """Note where a request's body or an answer is not what the contract says."""
        if self._contract is None:
            return
        import jsonschema

        for template, operations in self._contract["paths"].items():
            if re.fullmatch(re.sub(r"\\\{[^}]+\\\}", "[^/]+", re.escape(template)), path) and method in operations:
                operation = operations[method]
                break
        else:
            self.violations.append(f"{method} {path} is not in the contract")
            return
        if what == "query":
            allowed = {one["name"]: one["schema"] for one in operation.get("parameters", ()) if one["in"] == "query"}
            schema: Json = {"type": "object", "properties": allowed, "additionalProperties": False}
            value = {
                name: int(text) if allowed.get(name, {}).get("type") == "integer" else text
                for name, text in value.items()
            }
        else:
            body = operation["requestBody"] if what == "request" else operation["responses"]["200"]
            (schema,) = [one["schema"] for one in body["content"].values()]
        validator = jsonschema.Draft202012Validator({**schema, "components": self._contract["components"]})
        for error in validator.iter_errors(value):
            self.violations.append(f"{method} {path} {what}: {error.json_path}: {error.message[:300]}")
        self.checked += 1

    # What it does

    def add_file(self, name: str, content: bytes, purpose: str) -> Json:
        number = len(self.files) + 1
        made = {"id": f"file-{number}", "object": "file", "bytes": len(content), "created_at": _NOW + number}
        made |= {"filename": name, "purpose": purpose, "status": "processed"}
        self.files[made["id"]] = made
        self.contents[made["id"]] = content
        return made

    def add_job(self, asked: Json) -> Json:
        number = len(self.jobs) + 1
        hyperparameters = asked["method"]["supervised"]["hyperparameters"]
        job: Json = {
            "id": f"ftjob-{number}",
            "object": "fine_tuning.job",
            "created_at": _NOW + number,
            "error": None,
            "fine_tuned_model": None,
            "finished_at": None,
            "model": asked["model"],
            "organization_id": "org-1",
            "hyperparameters": {"batch_size": "auto", "learning_rate_multiplier": "auto", **hyperparameters},
            "result_files": [],
            "status": "validating_files",
            "trained_tokens": None,
            "seed": asked.get("seed", 1),
            "training_file": asked["training_file"],
            "validation_file": asked.get("validation_file"),
            "estimated_finish": None,
            "integrations": asked.get("integrations", []),
            "method": asked["method"],
            "metadata": asked.get("metadata") if self.keeps_metadata else None,
            "suffix": asked.get("suffix"),
        }
        self.jobs[job["id"]] = job
        self.events[job["id"]] = []
        self._stages[job["id"]] = self.script()
        self._tell(job["id"], f"Created fine-tuning job: {job['id']}")
        return job

    def _tell(self, job_id: str, message: str, data: Json | None = None) -> None:
        events = self.events[job_id]
        events.append(
            {
                "object": "fine_tuning.job.event",
                "id": f"ftevent-{job_id}-{len(events)}",
                "level": "info",
                # Several within a second, as it is.
                "created_at": _NOW + len(events) // 3,
                "message": message,
                "data": data or {},
                "type": "metrics" if data else "message",
            }
        )

    def advance(self, job_id: str) -> Json:
        """Let a job come to its next stage."""
        job = self.jobs[job_id]
        if job["status"] in ("succeeded", "failed", "cancelled") or not self._stages[job_id]:
            return job
        stage = self._stages[job_id].pop(0)
        job["status"], job["error"] = stage.status, stage.error
        for row in stage.metrics:
            loss = f"training loss={row['train_loss']:.2f}"
            self._tell(job_id, f"Step {row['step']}/{row['total_steps']}: {loss}", row)
        for message in stage.messages:
            self._tell(job_id, message)
        if stage.status == "running":
            job["estimated_finish"] = _NOW + 3_600
        if stage.status in ("succeeded", "failed"):
            job["finished_at"], job["estimated_finish"] = _NOW + 900, None
        if stage.status == "succeeded":
            rows = [event["data"] for event in self.events[job_id] if event["data"]]
            table = "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n" + "".join(
                f"{row['step']},{row['train_loss']},0.75,{row.get('valid_loss', '')},\n" for row in rows
            )
            content = self.result or base64.b64encode(table.encode())  # OpenAI's results come in base64.
            result = self.add_file("step_metrics.csv", content, "fine-tune-results")
            job |= {"result_files": [result["id"]], "trained_tokens": 4_480}
            job["fine_tuned_model"] = f"ft:{job['model']}:org:{job['suffix']}:{job_id[6:]}abc"
        return job

    def cancel(self, job_id: str) -> Json:
        self.jobs[job_id]["status"] = "cancelled"
        self._tell(job_id, "The job was cancelled")
        return self.jobs[job_id]


class _Answer(Exception):  # noqa: N818
    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        self.status = status
        self.body = {"error": {"message": message, "type": "error", "param": None, "code": code}}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is no error."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    peer: Peer

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        path = re.sub(r"^/(v1|openai)", "", unquote(parts.path))
        query = {name: values[-1] for name, values in parse_qs(parts.query).items() if name != "api-version"}
        request = f"{self.command} {path}"
        with self.peer.lock:
            self.peer.requests.append(request)
            trouble = next((one for one in self.peer.troubles if one.times and re.search(one.match, request)), None)
            if trouble is not None:
                trouble.times -= 1
                if not trouble.late:
                    self._misbehave(trouble)
                    return
            try:
                status, answer = 200, self._do(path, query, body)
            except _Answer as error:
                status, answer = error.status, error.body
            self.peer.after(request)
            if trouble is not None:
                self._misbehave(trouble)
            elif isinstance(answer, bytes):
                self._send(status, answer, "application/octet-stream")
            else:
                if status == 200:
                    self.peer.check(self.command.lower(), path, "answer", answer)
                self._send(status, json.dumps(answer).encode())

    def _misbehave(self, trouble: Trouble) -> None:
        if not trouble.status:
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        said = {"error": {"message": f"trouble {trouble.status}", "type": "error", "param": None, "code": None}}
        kind = "text/html" if trouble.body is not None else "application/json"
        self._send(trouble.status, (trouble.body or json.dumps(said)).encode(), kind, trouble.headers)

    def _send(
        self, status: int, body: bytes, kind: str = "application/json", headers: dict[str, str] | None = None
    ) -> None:
        with contextlib.suppress(OSError):
            self.send_response(status)
            for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    def _do(self, path: str, query: dict[str, str], body: bytes) -> Json | bytes:
        peer = self.peer
        sent = self.headers.get("api-key") or (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if sent != KEY:
            raise _Answer(401, f"Incorrect API key provided: {sent}.", "invalid_api_key")
        method = self.command.lower()
        peer.check(method, path, "query", query)
        if (method, path) == ("post", "/files"):
            return self._upload(body)
        if (method, path) == ("get", "/files"):
            files = [one for one in peer.files.values() if one["purpose"] == query.get("purpose", one["purpose"])]
            data, more = _page(files[::-1], query, 10_000)
            first, last = (data[0]["id"], data[-1]["id"]) if data else ("", "")
            return {"object": "list", "data": data, "has_more": more, "first_id": first, "last_id": last}
        if match := re.fullmatch(r"/files/([^/]+)(/content)?", path):
            if match[1] not in peer.files:
                raise _Answer(404, f"No such File object: {match[1]}")
            return peer.contents[match[1]] if match[2] else peer.files[match[1]]
        if (method, path) == ("post", "/fine_tuning/jobs"):
            return self._create(json.loads(body))
        if (method, path) == ("get", "/fine_tuning/jobs"):
            data, more = _page([*peer.jobs.values()][::-1], query, 20)
            return {"object": "list", "data": data, "has_more": more}
        match = re.fullmatch(r"/fine_tuning/jobs/([^/]+)(/events|/cancel)?", path)
        if match is None or match[1] not in peer.jobs:
            raise _Answer(404, f"Could not find {path}")
        if match[2] == "/events":
            data, more = _page(peer.events[match[1]][::-1], query, 20)
            return {"object": "list", "data": data, "has_more": more}
        return peer.cancel(match[1]) if match[2] else peer.advance(match[1])

    def _upload(self, body: bytes) -> Json:
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
        parts = {str(one.get_param("name", header="content-disposition")): one for one in message.iter_parts()}
        # Quoted-printable and base64 are unknown to multipart forms; the payload is the bytes.
        content = {name: one.get_payload(decode=True) for name, one in parts.items()}
        self.peer.check("post", "/files", "request", {name: value.decode() for name, value in content.items()})
        name = parts["file"].get_filename()
        return self.peer.add_file(name, content["file"], content["purpose"].decode())

    def _create(self, asked: Json) -> Json:
        self.peer.bodies.append(asked)
        self.peer.check("post", "/fine_tuning/jobs", "request", asked)
        if "metadata" in asked and not self.peer.takes_metadata:
            raise _Answer(400, "Unrecognized request argument supplied: metadata")
        for name in ("training_file", "validation_file"):
            if name in asked and asked[name] not in self.peer.files:
                raise _Answer(400, f"invalid {name}: {asked[name]}")
        return self.peer.add_job(asked)


def _page(items: list[Json], query: dict[str, str], limit: int) -> tuple[list[Json], bool]:
    start = 0
    if "after" in query:
        start = 1 + [one["id"] for one in items].index(query["after"])
    stop = start + int(query.get("limit", limit))
    return items[start:stop], stop < len(items)


@contextlib.contextmanager
def peer() -> Iterator[Peer]:
    """Serve on a free port of loopback until the block ends."""
    contract = json.loads(CONTRACT.read_text("utf-8")) if CONTRACT.is_file() else None
    if contract is not None:
        # What is left of OpenAPI 3.0 in it.
        contract = json.loads(
            re.sub(r'"minimum": 0, "exclusiveMinimum": true', '"exclusiveMinimum": 0', json.dumps(contract))
        )
    one = Peer(contract)
    handler = type("Handler", (_Handler,), {"peer": one})
    server = _Server(("127.0.0.1", 0), handler)
    one.address = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield one
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def sha256(content: bytes) -> str:
    """The digest of bytes, in hex."""
    return hashlib.sha256(content).hexdigest()
