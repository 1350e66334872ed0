"""The look-alike's HTTP side: routes, faults, and a record of what was asked."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from .faults import Fault, Faults
from .market import SpotMarket, VenueRefusal


@dataclass(frozen=True)
class Asked:
    endpoint: str
    path: str
    query: dict[str, str]


class VenueServer:
    """`with VenueServer() as venue:` listens on `venue.url` until the block ends."""

    def __init__(self, market: SpotMarket | None = None) -> None:
        self.market = market or SpotMarket()
        self.faults = Faults()
        self.asked: list[Asked] = []
        self.delay = 0.0
        self._http = _Server(("127.0.0.1", 0), _Handler)
        self._http.venue = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def requests(self, endpoint: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.endpoint == endpoint]

    def route(self, method: str, path: str) -> tuple[str, Callable[[dict[str, str]], Any]] | None:
        """The endpoint's name, and what answers it."""
        routes: dict[tuple[str, str], tuple[str, Callable[[dict[str, str]], Any]]] = {
            ("GET", "/api/v3/ping"): ("ping", self.market.ping),
            ("GET", "/api/v3/time"): ("time", self.market.time),
            ("GET", "/api/v3/exchangeInfo"): ("exchangeInfo", self.market.exchange_info),
            ("GET", "/api/v3/klines"): ("klines", self.market.klines),
        }
        return routes.get((method, path))

    def __enter__(self) -> VenueServer:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    venue: VenueServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # A small answer in two writes would wait 40 ms for an acknowledgement.
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query))
        venue = self.server.venue
        route = venue.route("GET", parts.path)
        venue.asked.append(Asked(route[0] if route else "?", parts.path, query))
        if venue.delay:
            time.sleep(venue.delay)
        if route is None:
            self._send(404, {}, b'{"code":-1,"msg":"Not found"}')
            return
        endpoint, answer = route
        fault = venue.faults.take(endpoint) or Fault()
        if fault.hang:
            time.sleep(fault.hang)
        if fault.reset:
            self._reset()
            return
        try:
            status, content = 200, answer(query)
        except VenueRefusal as refusal:
            status, content = 400, {"code": refusal.code, "msg": refusal.message}
        if fault.edit is not None:
            content = fault.edit(content)
        body = json.dumps(content).encode() if fault.body is None else fault.body
        self._send(fault.status or status, fault.headers, body, cut=fault.cut)

    def _send(self, status: int, headers: dict[str, str], body: bytes, cut: bool = False) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json"} | headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        if cut:
            self.close_connection = True

    def _reset(self) -> None:
        """Closes with RST instead of FIN."""
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True
        self.connection.close()

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The Date header tells the venue's time too."""
        return super().date_time_string(int(self.server.venue.market.now_ms() // 1000))

    def log_message(self, format: str, *args: Any) -> None:
        pass
