"""`make bench-sweep`: 1,000 pairs of parameters on 35,040 bars, here and elsewhere.

This server through its API with two workers, and its engine alone, beside vectorbt,
backtesting.py and backtrader on the same bars, all in turns on one machine.  The
last two run a few of the pairs, told as what 1,000 would take.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from cracktrader_site.supervisor import KEEP_MEMORY
from tests.desk import DONE, Desk

from . import grid, machine, results
from .contender import Contender

TITLE = "Sweeps"
WORKERS = 2
PATIENCE_SECONDS = 1_800.0
LOOK_SECONDS = 0.05
API, ENGINE, VECTORBT = "this server, API, two workers", "its engine alone, one process", "vectorbt"
PEERS = {
    "backtesting.py": ("bench.backtesting_sweep", 5),
    "backtrader": ("bench.backtrader_sweep", 2),
}
"""Module, and how many of the pairs it runs."""


@dataclass
class Figures:
    """Seconds a trial by contender, turn by turn; MB at the most; the rest is of sweeps by the API.

    `in_engine`: trials a second of all workers together while they compute.
    `growth`: largest worker's MB by the share of a long sweep that was done.
    """

    trials: int
    seconds: dict[str, list[float]] = field(default_factory=dict)
    ran: dict[str, int] = field(default_factory=dict)
    megabytes: dict[str, float] = field(default_factory=dict)
    own: float = 0.0
    in_engine: list[float] = field(default_factory=list)
    differs: float = 0.0
    compared: int = 0
    large: int = 0
    large_seconds: float = 0.0
    growth: list[tuple[float, float]] = field(default_factory=list)

    def add(self, name: str, trials: int, seconds: float) -> None:
        self.seconds.setdefault(name, []).append(seconds / trials)
        self.ran[name] = trials
        print(f"  {name:<32} {trials / seconds:10,.1f} trials/s", file=sys.stderr, flush=True)

    def rate(self, name: str) -> float:
        return 1 / statistics.median(self.seconds[name])

    def ratio(self, name: str) -> float:
        """How many times as fast as `name` the API is, turn by turn where both took turns."""
        pairs = zip(self.seconds[name], self.seconds[API], strict=False)
        return statistics.median(theirs / ours for theirs, ours in pairs)


class Memory:
    """MB of the largest of the workers that compute, looked at now and then.

    `peak`: resident, with what it shares with the others; `own`: without.
    """

    def __init__(self, desk: Desk) -> None:
        self.peak = self.own = 0.0
        jobs = [process for process in desk.processes() if "jobs" in process.cmdline()]
        ids = {process.pid for process in jobs}
        # The cluster, its sentinel, and the sentinel's children.
        (cluster,) = (process for process in jobs if process.ppid() not in ids)
        (self._sentinel,) = cluster.children()

    def look(self) -> float:
        """MB resident now."""
        resident = 0.0
        for worker in self._sentinel.children():
            # One that has done its share may end, and another takes its place.
            with suppress(psutil.NoSuchProcess):
                told = worker.memory_full_info()
                resident = max(resident, told.rss / 1e6)
                self.own = max(self.own, told.uss / 1e6)
        self.peak = max(self.peak, resident)
        return resident

    @contextmanager
    def watched(self) -> Iterator[None]:
        done = threading.Event()

        def watch() -> None:
            while not done.wait(0.3):
                self.look()

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
            self.look()


def start(desk: Desk, trials: int) -> str:
    start, end = grid.YEAR
    body = {
        "strategy_name": grid.STRATEGY,
        "symbols": [grid.SYMBOL],
        "timeframe": grid.TIMEFRAME,
        "start_date": start,
        "end_date": end,
        "initial_cash": grid.CASH,
        "fee": grid.FEE,
        "exchange": "simulated",
        "space": grid.space(trials),
    }
    answer = desk.http.post("/run/sweep", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["sweep_id"])


def finish(desk: Desk, sweep_id: str, pause: float = LOOK_SECONDS) -> Iterator[dict[str, Any]]:
    """What a client reads again and again, the last time that it is over."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        sweep = desk.http.get(f"/sweeps/{sweep_id}").json()
        if sweep["status"] in DONE:
            if sweep["status"] != "completed" or sweep["trials_failed"]:
                raise SystemExit(f"the sweep is {sweep['status']}: {sweep['error']}")
            yield sweep
            return
        yield sweep
        time.sleep(pause)
    raise SystemExit(f"the sweep is not over after {PATIENCE_SECONDS:.0f} s")


def post_to_completed(desk: Desk, trials: int) -> tuple[str, float]:
    """The sweep's id, and seconds from the POST until a client reads that it is over."""
    began = time.perf_counter()
    sweep_id = start(desk, trials)
    for _ in finish(desk, sweep_id):
        pass
    return sweep_id, time.perf_counter() - began


def engine_rate(desk: Desk, sweep_id: str) -> float:
    """Trials a second that the workers together compute, as their chunks say."""
    [(trials, seconds)] = desk.query(
        "SELECT SUM(count), SUM(seconds) FROM runs_sweepchunk c JOIN runs_sweep s "
        "ON s.id = c.sweep_id WHERE REPLACE(CAST(s.public_id AS text), '-', '') = ?",
        sweep_id.replace("-", ""),
    )
    return float(WORKERS * trials / seconds)


def difference(desk: Desk, sweep_id: str, trials: int, count: int) -> float:
    """The largest relative one between trials' metrics and those of the same trials run whole."""
    found = 0.0
    for number in random.Random(trials).sample(range(trials), min(count, trials)):
        trial = desk.http.get(f"/sweeps/{sweep_id}/trials/{number}").json()
        answer = desk.http.post(f"/sweeps/{sweep_id}/trials/{number}/run", json={})
        assert answer.status_code == 200, answer.text
        run_id = answer.json()["run_id"]
        assert desk.wait(run_id)["status"] == "completed"
        whole = desk.http.get("/results", params={"run_id": run_id}).json()["performance_metrics"]
        for name, value in trial["metrics"].items():
            other = whole[name]
            if value is None or other is None:
                found = max(found, 0.0 if value is other else math.inf)
            elif value != other:
                found = max(found, abs(value - other) / max(abs(value), abs(other)))
    return found


def measure(home: Path, trials: int, rounds: int, large: int, peers: bool = True) -> Figures:
    figures = Figures(trials)
    # The desk's own place, so that the others find there what was compiled.
    caches = {"NUMBA_CACHE_DIR": os.environ.get("NUMBA_CACHE_DIR", str(home / "numba"))}
    settings = caches | {"CRACKTRADER_JOB_WORKERS": str(WORKERS)}
    # The very first start compiles, which its workers' memory shows until the next.
    with Desk(home, **settings) as desk:
        post_to_completed(desk, trials)
    with Desk(home, **settings) as desk:
        memory = Memory(desk)
        sweep_id, _ = post_to_completed(desk, trials)
        env = caches | KEEP_MEMORY
        modules = {ENGINE: "bench.bare_sweep"} | (
            {VECTORBT: "bench.vectorbt_sweep"} if peers else {}
        )
        contenders = [
            Contender(name, module, str(home), str(trials), **env)
            for name, module in modules.items()
        ]
        for _ in range(rounds):
            with memory.watched():
                sweep_id, seconds = post_to_completed(desk, trials)
            figures.add(API, trials, seconds)
            figures.in_engine.append(engine_rate(desk, sweep_id))
            for contender in contenders:
                figures.add(contender.name, trials, contender.run()[0])
        for contender in contenders:
            figures.megabytes[contender.name] = contender.peak_mb
            contender.close()
        figures.compared = min(10, trials)
        figures.differs = difference(desk, sweep_id, trials, figures.compared)
        for name, (module, few) in PEERS.items() if peers else ():
            peer = Contender(name, module, str(home), str(few), **env)
            figures.add(name, few, peer.run()[0])
            figures.megabytes[name] = peer.peak_mb
            peer.close()
        if large:
            run_large(desk, large, figures, memory)
        figures.megabytes[API], figures.own = memory.peak, memory.own
    return figures


def run_large(desk: Desk, trials: int, figures: Figures, memory: Memory) -> None:
    figures.large = trials
    began = time.perf_counter()
    with memory.watched():
        for told in finish(desk, start(desk, trials), pause=1.0):
            figures.growth.append((told["progress"], memory.look()))
    figures.large_seconds = time.perf_counter() - began


def report(figures: Figures) -> str:
    ours = figures.rate(API)
    engine = statistics.median(figures.in_engine)
    rows = "".join(
        f"| {name} | {figures.rate(name):,.1f} | {figures.trials / figures.rate(name):,.1f} "
        f"| {'' if name == API else f'{figures.ratio(name):,.1f}'} "
        f"| {figures.megabytes[name]:,.0f} | {figures.ran[name]:,} in {len(taken)} rounds |\n"
        for name, taken in figures.seconds.items()
    )
    text = (
        f"Written by `make bench-sweep`. {figures.trials:,} pairs of {grid.STRATEGY} on "
        f"{grid.BARS:,} {grid.TIMEFRAME} bars of {grid.SYMBOL}, fee {grid.FEE:.1%}; warm "
        "processes, taken in turns.\n\n"
        + machine.described("vectorbt", "backtesting", "backtrader", "numpy")
        + f"\n\n| what | trials/s | seconds for {figures.trials:,} | the API is faster, times "
        "| MB of the largest process | trials run |\n| --- | --- | --- | --- | --- | --- |\n"
        + rows
        + "\n| what | value | wanted |\n| --- | --- | --- |\n"
        f"| trials a second in the engine, {WORKERS} workers | {engine:,.0f} | ≥ 1,000 |\n"
        f"| trials a second from the POST to committed | {ours:,.0f} | ≥ 700 |\n"
        f"| MB of the largest worker, of which its own | {figures.megabytes[API]:,.0f}, "
        f"{figures.own:,.0f} | < 400 |\n"
        f"| largest difference of {figures.compared} trials' metrics from their whole runs "
        f"| {figures.differs:.1e} | ≤ 1e-9 |\n"
    )
    if figures.large:
        text += f"| {figures.large:,} trials | {figures.large_seconds:,.0f} s | |\n"
        for mark in (0.1, 0.5, 1.0):
            done, megabytes = next((d, m) for d, m in figures.growth if d >= mark)
            text += f"| MB of the largest worker, {done:.0%} of them done | {megabytes:,.0f} | |\n"
    return (
        text
        + "\n*API*: all metrics of every trial, committed, and the sweep's conclusion (honesty "
        "figures) read by a client. *Engine*: all metrics, no records. *vectorbt*: columns "
        "broadcast, 100 at a time, four metrics. *backtesting.py* and *backtrader*: one run "
        "a pair, a few pairs, and what all would take.\n"
    )


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m bench.sweep")
    options.add_argument("--trials", type=int, default=1_000)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--large", type=int, default=100_000, help="trials of one sweep; 0: none")
    options.add_argument("--no-peers", dest="peers", action="store_false", help="only our own")
    options.add_argument("--out", type=Path, default=results.PATH)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="cracktrader-bench-") as folder:
        home = Path(folder) / "home"
        figures = measure(home, asked.trials, asked.rounds, asked.large, asked.peers)
    text = report(figures)
    results.write(asked.out, TITLE, text)
    print(text)


if __name__ == "__main__":
    main()
