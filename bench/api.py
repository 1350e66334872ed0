"""`make bench-api`: requests a second beside Django's own ASGI handler, and latencies under load.

Both servers have the same settings, views and database, one process each; the
other one is uvicorn with `django.core.asgi`, as Django's documentation tells.  It
has a request pass through all of MIDDLEWARE; ours leaves out what concerns pages
(`cracktrader_site.passage`).  Taken in turns, on connections that are kept.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.desk import DONE, EXAMPLE, ROOT, Desk, free_port

from . import machine, results
from .load import closed_loop, open_loop

TITLE = "API, requests"
PATH = "/api/v1/meta"
READS = (PATH, "/api/v1/status")
CONNECTIONS = (1, 8, 32)
RATE, OPEN_CONNECTIONS = 100.0, 32
BACKTESTS = 2
LONG = {
    "strategy_name": "MovingAverageCross",
    "strategy_params": {"fast_period": 300, "slow_period": 1000},
    "symbols": ["BTC/USDT", "ETH/USDT"],
    "timeframe": "1m",
    "start_date": "2024-01-01T00:00:00Z",
    "end_date": "2024-12-31T00:00:00Z",
}


@dataclass
class Figures:
    """Requests a second by connections, turn by turn; latencies in seconds by path, sorted."""

    ours: dict[int, list[float]] = field(default_factory=dict)
    djangos: dict[int, list[float]] = field(default_factory=dict)
    idle: dict[str, list[float]] = field(default_factory=dict)
    busy: dict[str, list[float]] = field(default_factory=dict)
    backtests: int = 0

    def ratio(self, connections: int) -> float:
        pairs = zip(self.ours[connections], self.djangos[connections], strict=True)
        return statistics.median(ours / djangos for ours, djangos in pairs)


@contextlib.contextmanager
def django_asgi(desk: Desk) -> Iterator[int]:
    """The port of Django's own handler over the desk's home, in a process of its own."""
    port = free_port()
    command = [
        *(sys.executable, "-m", "uvicorn", "django.core.asgi:get_asgi_application"),
        *("--factory", "--port", str(port), "--log-level", "warning", "--no-access-log"),
    ]
    env = desk.env | {"DJANGO_SETTINGS_MODULE": "cracktrader_site.settings", "PORT": str(port)}
    with subprocess.Popen(command, env=env, cwd=ROOT) as process:
        try:
            deadline = time.monotonic() + 60
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    httpx.get(f"http://127.0.0.1:{port}{PATH}", timeout=5).raise_for_status()
                    break
                if time.monotonic() > deadline or process.poll() is not None:
                    raise SystemExit("Django's own handler did not start")
                time.sleep(0.1)
            yield port
        finally:
            process.terminate()


@contextlib.contextmanager
def backtests(desk: Desk, body: dict[str, object]) -> Iterator[list[str]]:
    """So many at a time, one after the other, until the block is left; ids of those that ended."""
    over: list[str] = []
    leave = threading.Event()
    faults: list[BaseException] = []

    def work() -> None:
        try:
            with httpx.Client(base_url=desk.url, timeout=30) as http:
                while not leave.is_set():
                    answer = http.post("/run/backtest", json=EXAMPLE | body).raise_for_status()
                    run_id = answer.json()["run_id"]
                    while not leave.wait(0.1):
                        run = http.get(f"/runs/{run_id}").json()
                        if run["status"] in DONE:
                            assert run["status"] == "completed", run
                            over.append(run_id)
                            break
        except BaseException as fault:  # noqa: BLE001 - told to the one who waits
            faults.append(fault)

    threads = [threading.Thread(target=work) for _ in range(BACKTESTS)]
    for thread in threads:
        thread.start()
    try:
        yield over
    finally:
        leave.set()
        for thread in threads:
            thread.join()
    if faults:
        raise faults[0]


def measure(
    home: Path, rounds: int, seconds: float, open_seconds: float, body: dict[str, object] = LONG
) -> Figures:
    figures = Figures()
    with Desk(home, CRACKTRADER_JOB_WORKERS=str(BACKTESTS)) as desk:
        # The candles are there, and the workers warm, before anything is measured.
        desk.wait(desk.start_backtest(**body), 300)
        with django_asgi(desk) as port:
            for connections in CONNECTIONS:
                ours = figures.ours.setdefault(connections, [])
                djangos = figures.djangos.setdefault(connections, [])
                for _ in range(rounds):
                    ours.append(closed_loop(desk.port, PATH, connections, seconds))
                    djangos.append(closed_loop(port, PATH, connections, seconds))
        figures.idle = open_loop(desk.port, READS, RATE, OPEN_CONNECTIONS, open_seconds)
        with backtests(desk, body) as over:
            figures.busy = open_loop(desk.port, READS, RATE, OPEN_CONNECTIONS, open_seconds)
        figures.backtests = len(over)
    return figures


def report(figures: Figures) -> str:
    throughput = "".join(
        f"| {connections} | {statistics.median(figures.ours[connections]):,.0f} "
        f"| {statistics.median(figures.djangos[connections]):,.0f} "
        f"| {figures.ratio(connections):.1f} | {'≥ 5' if connections == 8 else ''} |\n"
        for connections in figures.ours
    )
    worst = max(machine.share(latencies, 0.99) for latencies in figures.busy.values())
    return (
        f"Written by `make bench-api`. `GET {PATH}`, as a program asks it, through the middlewares "
        "of programs' requests, one process; beside it Django's own ASGI handler under uvicorn "
        "with the same settings, views and database, through all middlewares. In turns.\n\n"
        + machine.described("Django", "uvicorn")
        + "\n\n| connections | requests/s | Django's ASGI handler | ratio | wanted |\n"
        "| --- | --- | --- | --- | --- |\n"
        + throughput
        + f"\nOpen loop: {RATE:.0f} requests a second over {OPEN_CONNECTIONS} connections, "
        f"measured from when each was due, idle and while {BACKTESTS} backtests run at any time "
        f"({figures.backtests} ended meanwhile).\n\n"
        "| read | p50 ms | p95 ms | p99 ms | max ms | n |\n| --- | --- | --- | --- | --- | --- |\n"
        + "".join(machine.row(f"`{path}`, idle", taken) for path, taken in figures.idle.items())
        + "".join(
            machine.row(f"`{path}`, {BACKTESTS} backtests", taken)
            for path, taken in figures.busy.items()
        )
        + f"\np99 while backtests run: {worst * 1000:.1f} ms (wanted: below 50 ms).\n"
    )


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m bench.api")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=float, default=3.0, help="of each round")
    options.add_argument("--open-seconds", type=float, default=30.0)
    options.add_argument("--out", type=Path, default=results.PATH)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="cracktrader-bench-") as folder:
        figures = measure(Path(folder) / "home", asked.rounds, asked.seconds, asked.open_seconds)
    text = report(figures)
    results.write(asked.out, TITLE, text)
    print(text)


if __name__ == "__main__":
    main()
