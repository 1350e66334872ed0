"""The look-alike's HTTP side: routes, faults, and a record of what was asked."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from .chaos import Chaos
from .control import Control
from .faults import Fault, Faults
from .ledger import Ledger
from .market import SpotMarket
from .prices import Prices
from .rules import VenueRefusal
from .signing import Call, Endpoint, KeyCheck
from .spot import Spot

_MOST_REMEMBERED = 50_000
_SANDBOX_PATH = "/sandbox"


@dataclass(frozen=True)
class Asked:
    endpoint: str
    path: str
    query: dict[str, str]
    method: str = "GET"
    source: str = "production"


class VenueServer:
    """`with VenueServer() as venue:` listens on `venue.url` until the block ends.

    `url` is the real venue and `sandbox_url` its sandbox: the same markets and
    ledger, told apart in `Asked.source` and `Posted.source`.  With `sandbox`
    both are the sandbox.
    """

    def __init__(
        self,
        market: SpotMarket | None = None,
        *,
        sandbox: bool = False,
        seed: int = 0,
        port: int = 0,
    ) -> None:
        self.market = market or SpotMarket()
        self.prices = Prices(self.market)
        self.ledger = Ledger(self.market.rules, self.prices, seed)
        self.keys = KeyCheck(self.ledger, self.market.now_ms)
        self.control = Control(self)
        self.faults = Faults()
        self.chaos: Chaos | None = None
        self.asked: list[Asked] = []
        self.delay = 0.0
        self._home = "sandbox" if sandbox else "production"
        self._banned: tuple[float, int] = (0.0, 418)
        self._spot_routes = Spot(self.market, self.ledger, self.keys).routes()
        self._http = _Server(("127.0.0.1", port), _Handler)
        self._http.venue = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def sandbox_url(self) -> str:
        return self.url + _SANDBOX_PATH

    def requests(self, endpoint: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.endpoint == endpoint]

    def unleash(self, chaos: Chaos | None) -> None:
        """Faults by chance from now on; None: no more."""
        self.chaos = chaos
        if chaos is None:
            Chaos.leave(self.ledger)
        else:
            chaos.settle_in(self.ledger)

    def ban(self, seconds: float, status: int = 418) -> None:
        """Every request is turned away for so long; 429 or 418, with Retry-After."""
        self._banned = (time.monotonic() + seconds, status)

    def banned(self) -> Fault | None:
        until, status = self._banned
        left = until - time.monotonic()
        if left <= 0:
            return None
        return Fault(
            status=status,
            headers={"Retry-After": str(max(1, round(left)))},
            body=b'{"code":-1003,"msg":"Way too much request weight used; IP banned."}',
        )

    def door(self, path: str) -> tuple[str, str]:
        """(which venue, the path there)."""
        if path.startswith(_SANDBOX_PATH + "/"):
            return "sandbox", path.removeprefix(_SANDBOX_PATH)
        return self._home, path

    def route(self, method: str, path: str) -> tuple[str, Endpoint] | None:
        """The endpoint's name, and what answers it."""
        found = self._spot_routes.get((method, path))
        if found is not None:
            return found
        routes: dict[tuple[str, str], tuple[str, Callable[[dict[str, str]], Any]]] = {
            ("GET", "/api/v3/ping"): ("ping", self.market.ping),
            ("GET", "/api/v3/time"): ("time", self.market.time),
            ("GET", "/api/v3/exchangeInfo"): ("exchangeInfo", self.market.exchange_info),
            ("GET", "/api/v3/klines"): ("klines", self.market.klines),
        }
        if (method, path) not in routes:
            return None
        name, answer = routes[method, path]
        return name, lambda call: answer(call.params)

    def answer(self, method: str, path: str, endpoint: Endpoint, call: Call) -> Any:
        with self.ledger.lock if (method, path) in self._spot_routes else nullcontext():
            return endpoint(call)

    def remember(self, asked: Asked) -> None:
        self.asked.append(asked)
        if len(self.asked) > _MOST_REMEMBERED:
            del self.asked[: _MOST_REMEMBERED // 2]

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
    request_queue_size = 128
    venue: VenueServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # A small answer in two writes would wait 40 ms for an acknowledgement.
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_DELETE(self) -> None:
        self._serve("DELETE")

    def _serve(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        venue, parts = self.server.venue, urlsplit(self.path)
        if parts.path.startswith("/control/"):
            status, content = venue.control.answer(parts.path.removeprefix("/control/"), body)
            self._send(status, {}, json.dumps(content).encode())
            return
        source, path = venue.door(parts.path)
        params = dict(parse_qsl(parts.query) + parse_qsl(body))
        key = self.headers.get("X-MBX-APIKEY", "")
        call = Call(params, parts.query + body, key, source)
        route = venue.route(method, path)
        venue.remember(Asked(route[0] if route else "?", path, params, method, source))
        if venue.delay:
            time.sleep(venue.delay)
        if route is None:
            self._send(404, {}, b'{"code":-1,"msg":"Not found"}')
            return
        name, endpoint = route
        self._answer(name, venue.banned() or self._fault(name), method, path, endpoint, call)

    def _fault(self, endpoint: str) -> Fault:
        venue = self.server.venue
        fault = venue.faults.take(endpoint)
        if fault is None and venue.chaos is not None:
            time.sleep(venue.chaos.delay(endpoint))
            fault = venue.chaos.fault(endpoint, venue.ledger)
        return fault or Fault()

    def _answer(
        self, name: str, fault: Fault, method: str, path: str, endpoint: Endpoint, call: Call
    ) -> None:
        venue = self.server.venue
        if fault.hang and not fault.applied:
            time.sleep(fault.hang)
        status, content, headers = 200, {}, {}
        if fault.spares_order:
            try:
                content = venue.answer(method, path, endpoint, call)
            except VenueRefusal as refusal:
                status, headers = refusal.status, refusal.headers
                content = {"code": refusal.code, "msg": refusal.message}
        if fault.hang and fault.applied:
            time.sleep(fault.hang)
        if fault.reset:
            self._reset()
            return
        if fault.edit is not None:
            content = fault.edit(content)
        body = json.dumps(content).encode() if fault.body is None else fault.body
        self._send(fault.status or status, headers | fault.headers, body, cut=fault.cut)

    def _send(self, status: int, headers: dict[str, str], body: bytes, cut: bool = False) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json"} | headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        self.wfile.flush()
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
