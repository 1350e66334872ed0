"""`make bench-paper`: many paper runs on a sped-up venue, from a bar's close to what follows.

The venue speaks Binance's wire format in a process of its own, the desk is the
real process tree with two live workers, and clock and venue run alike: at
speed 6 a one-minute bar closes every ten seconds.  A latency ends when another
process can read the Event in the database.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from exchanges.adapters.simulated import SYMBOLS
from exchanges.clock import ScaledClock, format_clock
from tests.desk import ROOT, Desk

from . import results
from .lookalike import lookalike
from .machine import share

MINUTE = 60_000
ORIGIN_MS = 1_717_200_000_000  # 2024-06-01
OVERLAP = 500
"""Events of PostgreSQL are not committed in the order of their ids."""
LOOK_SECONDS = 0.003
SETTLE_MS = 300
# What comes later than this after the last close counts as missing.
PATIENCE_SECONDS = 30.0

STRATEGY = '''
"""Trades at every bar, so that each close commits an order filled and one new."""

from strategies.base import Params, Signals, Strategy
from strategies.indicators import sma


class Restless(Strategy):
    class Params(Params):
        period: int = 100

    def warmup(self, params):
        return params.period

    def signals(self, bars, params):
        even = bars.time // bars.timeframe.ms % 2 == 0
        known = sma(bars.close, params.period) > 0
        return Signals(entries=even & known, exits=~even & known)
'''

_NEW_EVENTS = """
SELECT id, run_id, kind, created_at, data FROM runs_event
WHERE id > ? AND kind IN ('equity', 'order.new', 'order.filled', 'order.canceled', 'run.failed')
ORDER BY id
"""

_TRADING = "SELECT run_id FROM runs_equitypoint GROUP BY run_id HAVING COUNT(*) >= 2"


@dataclass(frozen=True, slots=True)
class Seen:
    """An Event's bar close, when it was made and when it could be read, in wall seconds."""

    run: int
    kind: str
    close: float
    made: float
    read: float
    late: bool


@dataclass
class Figures:
    """What a rehearsal measured; latencies in seconds from the close."""

    seen: list[Seen] = field(default_factory=list)
    feed: list[float] = field(default_factory=list)
    cpu: dict[str, float] = field(default_factory=dict)
    memory: list[dict[str, float]] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    rows_missing: int = 0
    log: str = ""

    def latencies(self, *kinds: str) -> list[float]:
        return sorted(seen.read - seen.close for seen in self.seen if seen.kind in kinds)

    def made(self, *kinds: str) -> list[float]:
        return sorted(seen.made - seen.close for seen in self.seen if seen.kind in kinds)

    def bursts(self) -> list[float]:
        """Slices a second while a close is worked off, of all workers together."""
        closes: dict[float, list[float]] = {}
        for seen in self.seen:
            if seen.kind == "equity":
                closes.setdefault(seen.close, []).append(seen.made)
        spans = [sorted(made) for made in closes.values() if len(made) > 1]
        return [(len(made) - 1) / (made[-1] - made[0]) for made in spans if made[-1] > made[0]]


class Rehearsal:
    """`runs` paper runs over `series` markets of a look-alike venue at `speed`."""

    def __init__(self, home: Path, runs: int, series: int, speed: float, workers: int = 2) -> None:
        self.runs, self.speed = runs, speed
        self.home = home
        self.symbols = [str(symbol) for symbol in SYMBOLS[:series]]
        self.clock = ScaledClock(ORIGIN_MS, int(time.time() * 1000), speed)
        env = {
            "CRACKTRADER_CLOCK": format_clock(self.clock),
            # The default's patience in wall time, not in the venue's.
            "CRACKTRADER_BAR_SETTLE_MS": str(int(SETTLE_MS * speed)),
            "CRACKTRADER_LIVE_WORKERS": str(workers),
        }
        self.desk = Desk(home, **env)
        self.figures = Figures()

    def measure(self, bars: int, timeout: float = 120) -> Figures:
        """Starts everything, lets `bars` bars close, ends everything."""
        (self.home / "strategies").mkdir(parents=True, exist_ok=True)
        (self.home / "strategies" / "restless.py").write_text(STRATEGY)
        with lookalike(format_clock(self.clock), self.symbols) as (url, venue), self.desk:
            self._manage("add_exchange", "lookalike", "--ccxt", "binance", "--url", url)
            ids = self._start_runs()
            self._wait_prepared(timeout)
            self._follow(bars, venue)
            self._wind_up(ids)
        self.figures.log = self.desk.log.read_text()
        return self.figures

    def wall(self, ms: float) -> float:
        """Wall seconds at which the clock shows `ms`."""
        return (self.clock.wall_origin_ms + (ms - self.clock.origin_ms) / self.speed) / 1000

    def query(self, sql: str, *values: Any) -> list[Any]:
        return self.desk.query(sql, *values)

    def _manage(self, *args: str) -> None:
        command = [sys.executable, str(ROOT / "manage.py"), *args]
        subprocess.run(command, env=self.desk.env, cwd=ROOT, check=True, capture_output=True)

    def _start_runs(self) -> list[str]:
        ids = []
        for number in range(self.runs):
            body = {
                "strategy_name": "Restless",
                "strategy_params": {"period": 50 + number % 50},
                "symbols": [self.symbols[number % len(self.symbols)]],
                "timeframe": "1m",
                "exchange": "lookalike",
                "mode": "paper",
            }
            answer = self.desk.http.post("/run/live", json=body)
            assert answer.status_code == 200, answer.text
            ids.append(answer.json()["run_id"])
        return ids

    def _wait_prepared(self, seconds: float) -> None:
        """Until every run has stepped two bars, so that it trades from now on."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if len(self.query(_TRADING)) == self.runs:
                return
            time.sleep(0.2)
        raise SystemExit(f"not all runs were prepared:\n{self.desk.log.read_text()[-3000:]}")

    def _follow(self, bars: int, venue: int) -> None:
        """Reads Events as they are committed, from the next close on."""
        step = MINUTE / self.speed / 1000
        now = self.clock.now_ms()
        first = now - now % MINUTE + MINUTE
        if self.wall(first) - time.time() < 0.2 * step:
            first += MINUTE
        time.sleep(max(0.0, self.wall(first) - 0.1 * step - time.time()))
        last = first + (bars - 1) * MINUTE
        oldest = newest = self.query("SELECT coalesce(MAX(id), 0) FROM runs_event")[0][0]
        known: set[int] = set()
        self.figures.memory = [self._memory()]
        before = self._cpu(venue)
        began = time.time()
        while time.time() < self.wall(last) + 0.9 * step or (
            len(self.figures.latencies("equity")) < self.runs * bars
            and time.time() < self.wall(last) + PATIENCE_SECONDS
        ):
            found = self.query(_NEW_EVENTS, max(oldest, newest - OVERLAP))
            read = time.time()
            for number, run, kind, created, data in found:
                if number in known:
                    continue
                known.add(number)
                newest = max(newest, number)
                if kind == "run.failed":
                    raise SystemExit(f"a run failed:\n{self.desk.log.read_text()[-3000:]}")
                event = json.loads(data)
                close = event.get("created", event.get("timestamp"))
                # An order that is told later was made by an earlier close.
                if kind in ("equity", "order.filled", "order.canceled"):
                    close += MINUTE
                if first <= close <= last:
                    moments = self.wall(close), _seconds(created), read
                    self.figures.seen.append(Seen(run, kind, *moments, bool(event.get("late"))))
            time.sleep(LOOK_SECONDS)
        seconds = time.time() - began
        after = self._cpu(venue)
        self.figures.cpu = {
            name: (used - before.get(name, 0.0)) / seconds for name, used in after.items()
        }
        self.figures.memory.append(self._memory())
        accepted = self.query(
            "SELECT time, accepted_at FROM exchanges_feedbar WHERE time >= ? AND time < ?",
            first - MINUTE,
            last,
        )
        self.figures.feed = sorted(
            _seconds(moment) - self.wall(opened + MINUTE) for opened, moment in accepted
        )
        told = len(self.figures.latencies("equity"))
        self.figures.rows_missing = self.runs * bars - told

    def _wind_up(self, ids: Sequence[str]) -> None:
        """Stops every run; each must have closed its books."""
        for run_id in ids:
            self.desk.http.post("/run/stop", json={"run_id": run_id})
        ended = [self.desk.wait(run_id, 120)["status"] for run_id in ids]
        self.figures.statuses = {status: ended.count(status) for status in set(ended)}

    def _parts(self) -> Iterator[tuple[str, psutil.Process]]:
        assert self.desk.process is not None
        for part in psutil.Process(self.desk.process.pid).children():
            line = part.cmdline()
            if "--only" in line:
                name = line[line.index("--only") + 1]
                yield name, part
                yield from ((name, child) for child in part.children(recursive=True))

    def _cpu(self, venue: int) -> dict[str, float]:
        """Seconds of CPU used so far, by part."""
        used: dict[str, float] = {}
        for name, process in [*self._parts(), ("venue", psutil.Process(venue))]:
            times = process.cpu_times()
            used[name] = used.get(name, 0.0) + times.user + times.system
        return used

    def _memory(self) -> dict[str, float]:
        """MB that the processes of each part have for themselves."""
        found: dict[str, float] = {}
        for name, process in self._parts():
            found[name] = found.get(name, 0.0) + process.memory_full_info().uss / 1e6
        return found


def _seconds(moment: str | datetime) -> float:
    """SQLite gives text without a zone."""
    read = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def replay(home: Path, bars: int) -> float:
    """Bars a second of a replay at full speed, through the queue and a worker."""
    begin = datetime(2024, 1, 1, tzinfo=UTC)
    end = datetime.fromtimestamp(begin.timestamp() + bars * 60, UTC)
    body = {
        "strategy_name": "MovingAverageCross",
        "strategy_params": {"fast_period": 10, "slow_period": 30},
        "symbols": ["BTC/USDT"],
        "timeframe": "1m",
        "exchange": "simulated",
        "mode": "paper",
        "replay": {"start_date": begin.isoformat(), "end_date": end.isoformat(), "speed": 0},
    }
    with Desk(home) as desk:
        answer = desk.http.post("/run/live", json=body)
        assert answer.status_code == 200, answer.text
        run = desk.wait(answer.json()["run_id"], 600)
    assert run["status"] == "completed", run
    began, ended = (datetime.fromisoformat(run[name]) for name in ("start_time", "end_time"))
    return bars / (ended - began).total_seconds()


def row(name: str, values: Sequence[float]) -> str:
    if not values:
        return f"| {name} | | | | | 0 |\n"
    cells = [share(values, f) * 1000 for f in (0.5, 0.95, 0.99)] + [values[-1] * 1000]
    return f"| {name} | " + " | ".join(f"{c:.0f}" for c in cells) + f" | {len(values)} |\n"


def report(asked: argparse.Namespace, figures: Figures, replayed: float) -> str:
    p99 = share(figures.latencies("order.new", "order.filled"), 0.99)
    cores = ", ".join(f"{name} {used:.2f}" for name, used in sorted(figures.cpu.items()))
    first, last = figures.memory
    memory = ", ".join(f"{name} {first[name]:.0f} → {last[name]:.0f}" for name in sorted(first))
    return (
        "Written by `make bench-paper`. "
        f"{asked.runs} paper runs over {asked.series} one-minute series of a venue that speaks "
        f"Binance's wire format, at speed {asked.speed:g}: bars close "
        f"{60 / asked.speed:g} s apart, {asked.bars} of them. Two live workers; every close "
        "fills one order of each run and commits a new one.\n\n"
        f"{psutil.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, "
        f"{datetime.now(UTC):%Y-%m-%d}.\n\n"
        "| from the bar's close, in wall time | p50 ms | p95 ms | p99 ms | max ms | n |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
        + row("order committed (readable elsewhere)", figures.latencies("order.new"))
        + row("its Event made, shortly before", figures.made("order.new"))
        + row("fill committed", figures.latencies("order.filled"))
        + row("equity committed", figures.latencies("equity"))
        + row("bar accepted by the feed", figures.feed)
        + "\n| what | value | wanted |\n| --- | --- | --- |\n"
        f"| close to committed order, p99 | {p99:.2f} s | < 2 s |\n"
        f"| rows missing, late | {figures.rows_missing}, "
        f"{sum(seen.late for seen in figures.seen)} | 0, 0 |\n"
        f"| slices a second while a close is worked off, both workers "
        f"| {statistics.median(figures.bursts()):.0f} | |\n"
        f"| replay at full speed, one run, bars a second | {replayed:,.0f} | |\n"
        f"| cores used | {cores} | |\n"
        f"| MB of each part, before and after | {memory} | |\n"
        f"\nThe {SETTLE_MS} ms that a venue is left to publish its bar are part of the latency.\n"
    )


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m bench.paper")
    options.add_argument("--runs", type=int, default=200)
    options.add_argument("--series", type=int, default=20)
    options.add_argument("--bars", type=int, default=18)
    options.add_argument("--speed", type=float, default=6.0)
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--replay", type=int, default=20_000, metavar="BARS")
    options.add_argument("--out", type=Path, default=results.PATH)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="cracktrader-bench-") as folder:
        replayed = replay(Path(folder) / "replay", asked.replay) if asked.replay else 0.0
        home = Path(folder) / "paper"
        rehearsal = Rehearsal(home, asked.runs, asked.series, asked.speed, asked.workers)
        figures = rehearsal.measure(asked.bars)
        print(json.dumps(figures.statuses), file=sys.stderr)
    text = report(asked, figures, replayed)
    results.write(asked.out, "Paper runs, from close to commit", text)
    print(text)


if __name__ == "__main__":
    main()
