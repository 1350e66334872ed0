"""A webhook's receiver: a real HTTP server that answers as it is told and keeps what it got."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Post:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def content(self) -> Any:
        return json.loads(self.body)

    def signed_by(self, secret: str) -> bool:
        """As the Standard Webhooks scheme has a receiver check it."""
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        text = f"{self.id}.{self.headers['webhook-timestamp']}.".encode() + self.body
        mac = base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
        return self.headers["webhook-signature"].split(" ") == [f"v1,{mac}"]


Behaviour = Callable[[BaseHTTPRequestHandler], None]


def answer(status: int, **headers: str) -> Behaviour:
    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return behave


def reset(handler: BaseHTTPRequestHandler) -> None:
    linger = struct.pack("ii", 1, 0)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    handler.connection.close()


def garbage(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"\x00\x01 not http\r\n\r\n")


def hang(seconds: float) -> Behaviour:
    def behave(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(seconds)
        answer(200)(handler)

    return behave


def dribble(handler: BaseHTTPRequestHandler) -> None:
    """A byte now and then: never quiet long enough for a socket's own time-out."""
    for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 60:
        handler.wfile.write(bytes([byte]))
        time.sleep(0.1)


class Receiver:
    """Each POST meets the next of `behaviours`; the last one stays."""

    def __init__(self, *behaviours: Behaviour) -> None:
        self.behaviours = list(behaviours) or [answer(204)]
        self.posts: list[Post] = []
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                with receiver._lock:
                    receiver.posts.append(Post(self.path, headers, body))
                    left = receiver.behaviours
                    behave = left.pop(0) if len(left) > 1 else left[0]
                self.close_connection = True
                with suppress(OSError), ExitStack() as counted:
                    counted.enter_context(receiver._counted())
                    self.answering = counted.close
                    behave(self)

            def end_headers(self) -> None:
                # From here on it no longer counts: the sender may have sent the next one
                # before this thread gets on.
                self.answering()
                super().end_headers()

            def do_GET(self) -> None:
                raise AssertionError("nobody gets here")

            def log_message(self, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *args: Any) -> None:
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook?room=1"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            yield
        finally:
            with self._lock:
                self._at_once -= 1

    def __enter__(self) -> Receiver:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wait(self, count: int, seconds: float = 60.0) -> list[Post]:
        until = time.monotonic() + seconds
        while len(self.posts) < count and time.monotonic() < until:
            time.sleep(0.01)
        return self.posts
