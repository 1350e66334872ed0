"""What the tests of a whole desk share: slow strategies, and who is who in the process tree."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import redis

from tests.desk import PATIENCE, Desk

# A line a request is no help.
logging.getLogger("httpx").setLevel(logging.WARNING)

STRATEGIES = '''
import os
import re
import signal
import time

import numpy as np
from pydantic import Field

from strategies.base import Params, Signals, Strategy


def cross(bars, fast, slow):
    gap = np.convolve(bars.close, np.ones(fast) / fast)[: len(bars)]
    gap = gap - np.convolve(bars.close, np.ones(slow) / slow)[: len(bars)]
    above = gap > 0
    above[:slow] = False
    entries, exits = above.copy(), ~above
    entries[1:] &= ~above[:-1]
    exits[1:] &= above[:-1]
    return Signals(entries, exits)


class _Odd(Strategy):
    class Params(Params):
        fast: int = Field(10, ge=1)
        slow: int = Field(30, ge=2)
        seconds: float = Field(1.0, ge=0)

    def warmup(self, params):
        return params.slow

    def signals(self, bars, params):
        self.wait(params.seconds)
        return cross(bars, params.fast, params.slow)


class Slow(_Odd):
    """Takes its time in Python."""

    def wait(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.002)


class Waits(_Odd):
    """Until the file `go` is there."""

    def wait(self, seconds):
        while not os.path.exists(os.environ["CRACKTRADER_HOME"] + "/go"):
            time.sleep(0.01)


class KillsItsWorker(_Odd):
    def wait(self, seconds):
        os.kill(os.getpid(), signal.SIGKILL)


class Endless(_Odd):
    def wait(self, seconds):
        while True:
            pass


class Swallows(_Odd):
    """Obeys nobody."""

    def wait(self, seconds):
        while True:
            try:
                while True:
                    pass
            except BaseException:
                pass


class SwallowsOnce(_Odd):
    """Takes an interruption for the end of its work."""

    def wait(self, seconds):
        try:
            while True:
                pass
        except BaseException:
            pass


class Sleeps(_Odd):
    def wait(self, seconds):
        time.sleep(60)


class HoldsTheInterpreter(_Odd):
    """C code that no signal reaches and that lets no thread run."""

    def wait(self, seconds):
        re.match("(a*)*b", "a" * 40)
'''


def add_strategies(home: Path) -> None:
    (home / "strategies").mkdir(parents=True, exist_ok=True)
    (home / "strategies" / "odd.py").write_text(STRATEGIES)


def odd(name: str, **params: Any) -> dict[str, Any]:
    """What to change in the example body to run one of them."""
    return {"strategy_name": name, "strategy_params": params}


def until(true: Callable[[], Any], seconds: float, what: str) -> Any:
    """What is true in the end; the dearer the question, the less often it is asked.

    `seconds`: on a machine with little else to do.
    """
    deadline = time.monotonic() + seconds * PATIENCE
    while True:
        asked = time.monotonic()
        if found := true():
            return found
        now = time.monotonic()
        assert now < deadline, f"not within {seconds * PATIENCE} s: {what}"
        time.sleep(min(max(0.02, 4 * (now - asked)), 0.25))


def forge(desk: Desk, cluster: str, payload: str) -> None:
    """Puts a message into the task queue that nobody sent."""
    if url := desk.env.get("REDIS_URL"):
        with redis.Redis.from_url(url) as queue:
            queue.rpush(f"cracktrader:queue:{cluster}", payload.encode())
        return
    sql = "INSERT INTO django_q_ormq (key, payload, lock) VALUES (?, ?, '2020-01-01 00:00:00')"
    desk.query(sql, cluster, payload)


def queued(desk: Desk, cluster: str) -> int:
    """Messages that nobody has taken."""
    if url := desk.env.get("REDIS_URL"):
        with redis.Redis.from_url(url) as queue:
            return int(queue.llen(f"cracktrader:queue:{cluster}"))
    sql = "SELECT count(*) FROM django_q_ormq WHERE key = ? AND lock < datetime('now')"
    return int(desk.query(sql, cluster)[0][0])


def ask(desk: Desk, path: str) -> Any:
    """The answer's JSON, however often the server is away."""

    def answer() -> Any:
        try:
            return desk.http.get(path).json()
        except (httpx.HTTPError, ValueError):
            return None

    return until(answer, 60, path)


def rows(desk: Desk, run_id: str, name: str) -> list[Any]:
    """Every row of a run's trades, orders or equity, page after page."""
    found: list[Any] = []
    cursor: str | None = "0"
    while cursor is not None:
        page = ask(desk, f"/runs/{run_id}/{name}?limit=1000&cursor={cursor}")
        found += page[name]
        cursor = page["next_cursor"]
        assert cursor is None or page[name]
    assert len(found) == page["total"]
    return found


def result(desk: Desk, run_id: str) -> dict[str, Any]:
    """All that a run came to, without what is its own: id, times, attempts."""
    run = ask(desk, f"/runs/{run_id}")
    kept = {
        name: run[name]
        for name in ("status", "config", "final_value", "performance_metrics", "result_hash")
    }
    outcome = {name: value for name, value in run["outcome"].items() if name != "timings"}
    # Not the versions: a checkout may be edited while its tests run.
    seal = {name: run["seal"].get(name) for name in ("config", "source_hash", "candle_hashes")}
    tables = {name: rows(desk, run_id, name) for name in ("trades", "orders", "equity")}
    return kept | {"outcome": outcome, "seal": seal} | tables


def events(desk: Desk, run_id: str) -> list[str]:
    return [event["kind"] for event in ask(desk, f"/runs/{run_id}/events?limit=1000")["events"]]


class Family:
    """The processes of one cluster, told apart by the order in which they were forked."""

    ROLES = ("worker", "worker", "monitor", "pusher")

    def __init__(self) -> None:
        self._sentinel = 0
        self._roles: dict[int, str] = {}

    def find(self, cluster: int, children: Mapping[int, list[int]]) -> dict[str, list[int]]:
        """Role → pids, as far as they are there."""
        sentinels = children[cluster]
        if not sentinels:
            return {}
        found = {"sentinel": sentinels}
        if sentinels[0] != self._sentinel:
            forked = sorted(children[sentinels[0]])
            if len(forked) < len(self.ROLES):
                return found
            self._sentinel = sentinels[0]
            self._roles = dict(zip(forked, self.ROLES, strict=False))
        alive = set(children[sentinels[0]])
        kept = {pid: role for pid, role in self._roles.items() if pid in alive}
        missing = list(self.ROLES)
        for role in kept.values():
            missing.remove(role)
        for pid, role in zip(sorted(alive - kept.keys()), missing, strict=False):
            kept[pid] = role
        self._roles = kept
        for pid, role in kept.items():
            found.setdefault(role, []).append(pid)
        return found


class Tree:
    """Who is who in a desk's process tree; `find` returns role → pids."""

    PROCESSES = 16

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._jobs, self._live = Family(), Family()

    def find(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        assert self.desk.process is not None
        supervisor = self.desk.process.pid
        found["supervisor"] = [supervisor]
        children = _children(supervisor)
        for child in children[supervisor]:
            line = _command(child)
            if "--only" in line:
                found[line[line.index("--only") + 1]] = [child]
        if "live" in found:
            family = self._live.find(found["live"][0], children)
            found |= {f"live {role}": pids for role, pids in family.items()}
        if "jobs" in found:
            found |= self._jobs.find(found["jobs"][0], children)
        busy = self.busy()
        if workers := found.pop("worker", []):
            found["busy worker"] = [pid for pid in workers if pid in busy]
            found["idle worker"] = [pid for pid in workers if pid not in busy]
        return {role: pids for role, pids in found.items() if pids}

    def busy(self) -> set[int]:
        """Workers that hold a run."""
        query = "SELECT lease_owner FROM runs_run WHERE lease_owner != ''"
        return {int(owner.split("/")[2]) for (owner,) in self.query(query)}

    def query(self, sql: str, *values: Any) -> list[Any]:
        return self.desk.query(sql, *values)

    def whole(self) -> bool:
        found = self.find()
        workers = found.get("busy worker", []) + found.get("idle worker", [])
        others = {"supervisor", "web", "ticker", "feed", "jobs", "sentinel", "monitor", "pusher"}
        live = {"live", "live sentinel", "live monitor", "live pusher"}
        pairs = (workers, found.get("live worker", []))
        return all(len(pair) == 2 for pair in pairs) and others | live <= found.keys()

    def kill(self, pid: int) -> None:
        if pid == self.desk.process.pid:  # type: ignore[union-attr]
            self.desk.kill()
        else:
            os.kill(pid, signal.SIGKILL)


def _children(pid: int) -> Mapping[int, list[int]]:
    """Its descendants, by their parents, all as of one moment."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    with suppress(psutil.NoSuchProcess):
        for process in psutil.Process(pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if process.status() != psutil.STATUS_ZOMBIE:
                    found[process.ppid()].append(process.pid)
    return found


def _command(pid: int) -> list[str]:
    try:
        return psutil.Process(pid).cmdline()
    except psutil.NoSuchProcess:
        return []
