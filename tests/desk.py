"""A whole desk for tests: the real process tree, in a home of its own, on a free port."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests import migrated, servers

ROOT = Path(__file__).resolve().parent.parent
UNLIMITED = {"CRACKTRADER_RATE_LIMIT": "0", "CRACKTRADER_RATE_LIMIT_PAGES": "0"}
_PORTS = range(20_000, 32_000)
# So many times slower may a machine be.
PATIENCE = 5
DONE = ("completed", "failed", "stopped")

EXAMPLE = {
    "strategy_name": "TestStrategy",
    "strategy_params": {"period": 20, "threshold": 0.02},
    "symbols": ["BTC/USDT"],
    "timeframe": "1h",
    "start_date": "2024-01-01T00:00:00Z",
    "end_date": "2024-03-01T23:59:59Z",
    "initial_cash": 10000.0,
    "exchange": "simulated",
}


def free_port() -> int:
    """None of those the system gives to connections: it is free still when a server comes up."""
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Desk:
    """`with Desk(home) as desk:` — up and healthy inside, gone without orphans after."""

    def __init__(self, home: Path, **env: str) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/api/v1"
        clean = {
            k: v for k, v in os.environ.items() if not k.startswith(("CRACKTRADER_", "DJANGO_"))
        }
        self.env = clean | {
            "CRACKTRADER_HOME": str(home),
            "PORT": str(self.port),
            "HOST": "127.0.0.1",
            **UNLIMITED,
            **servers.environment(home),
            **env,
        }
        # A rehearsal's clock is a reason of its own to be "degraded".
        self.fine = ("ok", "degraded") if "CRACKTRADER_CLOCK" in env else ("ok",)
        self.log = home / "serve.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.http = httpx.Client(base_url=self.url, timeout=30)

    def __enter__(self) -> Desk:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self.stop()
        self.http.close()

    def start(self) -> float:
        """Starts it and waits until health is ok; returns the seconds that took."""
        began = time.monotonic()
        self.launch()
        self.wait_healthy()
        return time.monotonic() - began

    def launch(self) -> None:
        """Starts it and does not wait."""
        self.home.mkdir(parents=True, exist_ok=True)
        if "DATABASE_URL" not in self.env:
            migrated.copy_to(self.home / migrated.DATABASE)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "serve"],
                env=self.env,
                cwd=ROOT,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )

    def wait_healthy(self, seconds: float = 120 * PATIENCE) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self.process is not None
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            if self.health() in self.fine:
                return
            time.sleep(0.1)
        raise AssertionError(f"not healthy after {seconds} s:\n{self.log.read_text()[-3000:]}")

    def health(self) -> str | None:
        try:
            return str(self.http.get("/health").json()["status"])
        except (httpx.HTTPError, ValueError, KeyError):
            return None

    def stop(self) -> float:
        """SIGTERM; returns the seconds until it was gone."""
        began = time.monotonic()
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)
        return time.monotonic() - began

    def kill(self) -> None:
        """kill -9 of the supervisor."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(60)

    def processes(self) -> list[psutil.Process]:
        """Every process that works on this home, whoever its parent is."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("CRACKTRADER_HOME") == str(self.home):
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                continue
        return [p for p in found if p.pid != os.getpid()]

    def query(self, sql: str, *values: Any) -> list[Any]:
        """Rows of its database, whichever it is; placeholders are `?`."""
        if url := self.env.get("DATABASE_URL"):
            return servers.query_as_sqlite(url, sql, *values)
        database = sqlite3.connect(self.home / "db.sqlite3", timeout=20)
        try:
            with database:
                return database.execute(sql, values).fetchall()
        finally:
            database.close()

    def start_backtest(self, **changes: Any) -> str:
        answer = self.http.post("/run/backtest", json=EXAMPLE | changes)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["run_id"])

    def start_paper(self, **changes: Any) -> str:
        """A paper run; with `replay={...}` a replay."""
        dates = ("start_date", "end_date")
        body = {name: value for name, value in EXAMPLE.items() if name not in dates}
        answer = self.http.post("/run/live", json=body | {"mode": "paper"} | changes)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["run_id"])

    def wait(self, run_id: str, seconds: float = 60) -> dict[str, Any]:
        """The run's detail once it is over."""
        began, said, seconds = time.monotonic(), "not heard of", seconds * PATIENCE
        while (waited := time.monotonic() - began) < seconds:
            # To ask costs the desk what the run could use.
            time.sleep(min(0.02 + waited / 10, 0.2))
            with contextlib.suppress(httpx.HTTPError, ValueError):
                run = self.http.get(f"/runs/{run_id}").json()
                said = run["status"]
                if said in DONE:
                    return dict(run)
        raise AssertionError(f"run {run_id} is {said} after {seconds} s")


def calmed(desk: Desk) -> bool:
    """Ends whatever is under way; whether the desk is well and idle then."""
    active = {
        "/runs": "SELECT public_id FROM runs_run WHERE finished_at IS NULL",
        "/sweeps": "SELECT public_id FROM runs_sweep WHERE finished_at IS NULL",
    }
    began = time.monotonic()
    with contextlib.suppress(httpx.HTTPError):
        while time.monotonic() < began + 30 * PATIENCE:
            if desk.process is None or desk.process.poll() is not None:
                return False
            left = [(path, id) for path, sql in active.items() for (id,) in desk.query(sql)]
            if not left and desk.health() in desk.fine:
                return True
            for path, id in left:
                desk.http.post(f"{path}/{uuid.UUID(str(id))}/stop", json={})
            time.sleep(0.3)
    return False
