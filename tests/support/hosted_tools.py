"""An endpoint of chat completions and what it is asked: what the tests in `hosted` share."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import polars as pl

from curator.evaluate.predictors.hosted import Hosted

KEY = "sk-test-7Qw9zYk3Lm5Vb1Nx8Rd2"

MODEL = "gpt-5-nano"

NAME = f"openai:{MODEL}"

ROWS = 12

DROP = "drop"
"""Stands for an answer: the connection is closed in the middle of it."""


def chat(content: Any, *, finish: str = "stop", refusal: str | None = None, logprobs: Any = None) -> dict[str, Any]:
    message = {"role": "assistant", "content": content, "refusal": refusal}
    choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": logprobs}
    usage = {"prompt_tokens": 100, "completion_tokens": 7, "total_tokens": 107}
    return {"id": "x", "object": "chat.completion", "model": f"{MODEL}-2025", "choices": [choice], "usage": usage}


def refused(message: str, param: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": None}}


class Server:
    """An endpoint; `play` gives status, body (JSON, or bytes as they are) and headers for the nth request."""

    def __init__(self) -> None:
        self.play: Callable[[int, dict[str, Any]], tuple[Any, ...]] = lambda number, body: (200, chat("$20.00"))
        self.requests: list[dict[str, Any]] = []
        self.at: list[float] = []
        self.wrong: list[str] = []
        self.open, self.most = 0, 0
        self.lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with server.lock:
                    server.look(self.path, self.headers, body)
                    server.requests.append(body)
                    server.at.append(time.monotonic())
                    number = len(server.requests) - 1
                    server.open += 1
                    server.most = max(server.most, server.open)
                try:
                    status, told, *more = server.play(number, body)
                finally:
                    with server.lock:
                        server.open -= 1
                self.close_connection = told == DROP
                data = told if isinstance(told, bytes) else json.dumps(told).encode()
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(data) + 50 * (told == DROP)))
                    for name, value in (more[0] if more else {}).items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(data)
                except ConnectionError:
                    pass  # the client has not waited

            def log_message(self, *args: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/v1"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def look(self, path: str, headers: Message, body: dict[str, Any]) -> None:
        """Note what a request has that it should not have."""
        sound = [
            path == "/v1/chat/completions",
            headers.get("Authorization") == f"Bearer {KEY}",
            headers.get("Content-Type") == "application/json",
            body["model"] == MODEL,
            [one["role"] for one in body["messages"]] == ["system", "user"],
            all(one.keys() == {"role", "content"} for one in body["messages"]),
            KEY not in json.dumps(body),
        ]
        if not all(sound):
            self.wrong.append(f"{sound} {path} {body}")

    def questions(self) -> list[str]:
        return [body["messages"][1]["content"] for body in self.requests]

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


def prices(predictor: Hosted, rows: pl.DataFrame) -> list[float | None]:
    return [answer.price for answer in predictor.predict(rows)]


def price_of(body: dict[str, Any]) -> str:
    """A price that tells the question, so that an answer given to another row shows."""
    return f"{sum(body['messages'][1]['content'].encode()) % 900 + 1}.50"


def cache_file(folder: Path) -> Path:
    (path,) = (folder / "cache").glob("*.jsonl")
    return path


def told(*tokens: tuple[str, dict[str, float]]) -> Any:
    """Log probabilities as an endpoint gives them: of each token itself, and of the likeliest there."""
    content = []
    for token, likeliest in tokens:
        listed = [{"token": one, "logprob": math.log(p), "bytes": None} for one, p in likeliest.items()]
        content.append({"token": token, "logprob": -0.5, "top_logprobs": listed})
    return {"content": content, "refusal": None}
