"""What tests of WebSockets share: a web server alone, a writer of Events beside it, clients."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from tests import migrated, servers
from tests.desk import ROOT, UNLIMITED, free_port


class Web:
    """`with Web(home) as web:` the desk's web server, and no other part of the desk."""

    def __init__(self, home: Path, **env: str) -> None:
        self.home, self.port = home, free_port()
        clean = {
            k: v for k, v in os.environ.items() if not k.startswith(("CRACKTRADER_", "DJANGO_"))
        }
        here = {"CRACKTRADER_HOME": str(home), "PORT": str(self.port)}
        self.env = clean | UNLIMITED | here | servers.environment(home) | env
        self.log = home / "web.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._helper: subprocess.Popen[str] | None = None

    def __enter__(self) -> Web:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()
        if self._helper is not None:
            self._helper.communicate()

    def manage(self, *args: str) -> None:
        command = [sys.executable, str(ROOT / "manage.py"), *args]
        subprocess.run(command, env=self.env, cwd=ROOT, check=True)

    def start(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        if "DATABASE_URL" not in self.env:
            migrated.copy_to(self.home / migrated.DATABASE)
        command = [sys.executable, str(ROOT / "manage.py"), "serve", "--only", "web"]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                command, env=self.env, cwd=ROOT, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            try:
                httpx.get(f"http://127.0.0.1:{self.port}/api/v1/strategies", timeout=5)
                return
            except httpx.HTTPError:
                time.sleep(0.05)
        raise AssertionError(self.log.read_text()[-3000:])

    def stop(self) -> float:
        """SIGTERM to the server; the seconds until it was gone."""
        began = time.monotonic()
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)
        return time.monotonic() - began

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(60)

    def python(self, code: str, *args: str) -> subprocess.Popen[str]:
        """A process that runs `code` over this home's database."""
        env = self.env | {"DJANGO_SETTINGS_MODULE": "cracktrader_site.settings"}
        return subprocess.Popen(
            [sys.executable, "-c", SETUP + code, *args],
            env=env,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stdin=subprocess.PIPE,
            text=True,
        )

    def tell(self, code: str, *args: str) -> Any:
        """Runs `code` in another process; what it printed, as JSON."""
        if self._helper is None:
            self._helper = self.python(SERVE)
        assert self._helper.stdin is not None
        assert self._helper.stdout is not None
        self._helper.stdin.write(json.dumps([code, *args]) + "\n")
        self._helper.stdin.flush()
        return json.loads(self._helper.stdout.readline())

    def socket(self, receive_buffer: int | None = None) -> socket.socket:
        plain = socket.socket()
        if receive_buffer is not None:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            plain.connect(("127.0.0.1", self.port))
        except OSError:
            plain.close()
            raise
        return plain

    def connect(
        self,
        path: str = "/ws",
        host: str | None = None,
        receive_buffer: int | None = None,
        **options: Any,
    ) -> Client:
        """`host`: what the Host header names."""
        options = {"open_timeout": 10, "close_timeout": 2, "compression": None} | options
        options.setdefault("ping_interval", None)
        plain = self.socket(receive_buffer)
        url = f"ws://{host or '127.0.0.1'}:{self.port}{path}"
        try:
            return Client(connect(url, sock=plain, **options))
        except BaseException:
            plain.close()
            raise

    def runs(self, count: int) -> list[str]:
        """Finished runs of nobody's interest, whose Events tests write."""
        found: list[str] = self.tell(MAKE_RUNS, str(count))
        return found


SETUP = """
import json, random, sys, time
import django
django.setup()
from django.db import transaction
from django.db.models import F
from runs import recorder
from runs.models import Event, Run
from tests.runs.factory import make_run
from tests.site.streams import random_event

def add(run_id, happened):
    with transaction.atomic():
        Run.objects.filter(id=run_id).update(last_seq=F("last_seq") + len(happened))
        recorder._record(run_id, happened)
"""

SERVE = """
for line in sys.stdin:
    code, *sys.argv[1:] = json.loads(line)
    exec(code)
    sys.stdout.flush()
"""

MAKE_RUNS = """
runs = [make_run(status="completed", symbols=["BTC/USDT", "ETH/USDT"])
        for _ in range(int(sys.argv[1]))]
print(json.dumps([str(run.public_id) for run in runs]))
"""

WRITE = """
# runs, events, seconds between two, seed
runs = list(Run.objects.filter(public_id__in=sys.argv[1].split(",")).values_list("id", flat=True))
count, pause, choose = int(sys.argv[2]), float(sys.argv[3]), random.Random(int(sys.argv[4]))
for n in range(count):
    with transaction.atomic():
        run_id = choose.choice(runs)
        for _ in range(choose.choice([1, 1, 1, 2, 3])):
            recorder.append(run_id, *random_event(choose, n))
    time.sleep(pause * choose.random() * 2)
"""

LIST = """
rows = Event.objects.order_by("run_id", "seq").values_list("run__public_id", "seq", "kind")
print(json.dumps([[str(run), seq, kind] for run, seq, kind in rows]))
"""


def random_event(choose: random.Random, number: int) -> tuple[str, dict[str, Any]]:
    """An Event as paper runs write them."""
    symbol = choose.choice(["BTC/USDT", "ETH/USDT"])
    order = {
        "order_id": f"{number}-0-entry-buy",
        "status": "filled",
        "symbol": symbol,
        "side": "buy",
        "type": "market",
        "purpose": "entry",
        "amount": 0.1,
        "price": 50_000.0,
        "fee": 5.0,
        "timestamp": 1_640_995_200_000 + number,
        "created": 1_640_995_200_000,
        "trade_id": number,
    }
    point = {"timestamp": number, "value": 1000.0 + number, "cash": 10.0, "late": False}
    bars = {"BTC/USDT": [1.0, 2.0, 0.5, 1.5, 7.0], "ETH/USDT": [1.0, 2.0, 0.5, 1.25, 3.0]}
    return choose.choice(
        [
            ("order.filled", order),
            ("order.new", order | {"status": "new", "amount": None, "price": None}),
            ("trade.opened", {"trade_id": number, "symbol": symbol, "status": "open"}),
            ("equity", {**point, "bars": bars}),
            ("bar.missing", {"symbol": symbol, "start": 0, "end": 1, "bars": 1}),
            ("run.resumed", {"attempt": 2}),
        ]
    )


def in_channel(kind: str, channel: str) -> bool:
    """Whether a channel tells of Events of a kind."""
    logged = ("bar.missing", "run.resumed")
    return {
        "status": kind.startswith("run."),
        "orders": kind.startswith("order."),
        "trades": kind.startswith("trade."),
        "equity": kind == "equity",
        "ticker": kind == "equity",
        "logs": kind in logged,
    }[channel]


class Client:
    """A real client; `ask` gives the answer to a request, `messages` what was told."""

    def __init__(self, connecting: connect) -> None:
        self._connecting = connecting
        self.socket: ClientConnection = connecting.__enter__()
        self._kept: list[dict[str, Any]] = []

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self.socket.close()
        self._connecting.__exit__(None, None, None)

    def send(self, **body: Any) -> None:
        self.socket.send(json.dumps(body))

    def receive(self, seconds: float = 60) -> dict[str, Any]:
        """The next, heartbeats left out."""
        deadline = time.monotonic() + seconds
        while True:
            left = max(deadline - time.monotonic(), 0.0)
            found: dict[str, Any] = json.loads(self.socket.recv(timeout=left))
            if found.get("type") != "heartbeat":
                return found

    def ask(self, **body: Any) -> dict[str, Any]:
        """The answer; what is told meanwhile is kept for `messages`."""
        self.send(**body)
        while True:
            found = self.receive()
            if "channel" not in found or "type" in found:
                return found
            self._kept.append(found)

    def subscribe(self, channel: str, **more: Any) -> dict[str, Any]:
        answer = self.ask(action="subscribe", channel=channel, **more)
        assert answer["type"] == "subscribed", answer
        return answer

    def messages(self, count: int) -> list[dict[str, Any]]:
        while len(self._kept) < count:
            self._kept.append(self.receive())
        found, self._kept = self._kept[:count], self._kept[count:]
        return found

    def silent(self, seconds: float = 0.3) -> bool:
        if self._kept:
            return False
        try:
            self._kept.append(self.receive(seconds))
        except TimeoutError:
            return True
        return False

    def closed(self, seconds: float = 60) -> tuple[int, str]:
        """Code and reason with which the server ends the connection."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                self.socket.recv(timeout=seconds)
            except TimeoutError:
                break
            except WebSocketException:
                return self.socket.close_code or 0, self.socket.close_reason or ""
        raise AssertionError("still open")
