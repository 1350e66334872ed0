"""The parts of a desk that trades live, as forks of the test: who is killed is forked again."""

from __future__ import annotations

import gc
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from django.db import DatabaseError, connections
from django.utils import timezone

from cracktrader_site import orphans
from exchanges.adapters import ccxt_account, ccxt_client, ccxt_data  # noqa: F401
from exchanges.services import feeds
from runs import paper, sweeper, turns
from runs.engine import live as engine
from runs.feeding import Feeder
from runs.models import Run
from runs.trading import tending
from runs.trading.trader import Trader

from .hands import end, fork

CLAIM_SECONDS = 2.0
"""Of an account, so that what is frozen a little longer has a successor when it thaws."""

PATIENCE_MS = 8_000
"""How old a decision to buy may be."""

PAUSES = (0.3, 0.7, 1.2, 2.2, 3.0)
"""Seconds for which what is frozen stays so."""


def trade() -> None:
    Trader(threading.Event()).run()


def feed() -> None:
    Feeder(threading.Event()).run()


def step() -> None:
    """What the workers of both clusters do for live runs."""
    while True:
        try:
            unprepared = Run.objects.filter(
                status__in=Run.ACTIVE, cursor_ms=None, due_at__lte=timezone.now()
            )
            for run_id in list(unprepared.values_list("id", flat=True)):
                paper.advance(run_id)
            turns.advance_due(1.0)
        except DatabaseError:
            connections.close_all()
        time.sleep(0.02)


def sweep() -> None:
    memory = sweeper.Memory()
    while True:
        sweeper.sweep(memory)
        time.sleep(0.1)


def hasten() -> None:
    """What takes its time, so that a real venue's limits are kept, takes less of it."""
    tending.CLAIM_SECONDS, tending.RENEW_SECONDS = CLAIM_SECONDS, CLAIM_SECONDS / 4
    feeds._CLAIM = timedelta(seconds=0.5)
    ccxt_client.Pace.__call__ = lambda self, cost=None: None  # type: ignore[method-assign]
    # A desk under so many kills would buy little within a bar of a second.
    engine.patience = lambda config: PATIENCE_MS


def wake(seed: int, parent: int) -> None:
    """Has whoever is frozen go on after a while: shorter than the receive window, or than a claim.

    Not the test itself: it waits for the database, which a frozen process may hold.
    """
    choose, until = random.Random(seed), dict[int, float]()
    while True:
        now, frozen = time.monotonic(), set(filter(_is_frozen, _children(parent)))
        until = {pid: until.get(pid) or now + choose.choice(PAUSES) for pid in frozen}
        for pid, moment in until.items():
            if now >= moment:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
        time.sleep(0.05)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _is_frozen(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    return False


WORK: dict[str, Callable[[], None]] = {
    "trader": trade,
    "worker": step,
    "feed": feed,
    "ticker": sweep,
}
POINTS = {
    "trader": ("order claimed", "order claimed", "order answered", "order open"),
    "worker": ("stepped", "written, not committed", "committed"),
    "feed": ("answered", "accepted, not committed", "accepted"),
}


@dataclass
class Part:
    kind: str
    pid: int
    ticket: Path
    """While it is there the part dies, or freezes, at its crash point."""
    freezes: bool = False


@dataclass
class Nursery:
    """Everything is imported once; who dies is forked again at once.

    `doomed`: the share of parts that are to come to their end at a crash point,
    half of those of the trader frozen there.  `patch`: what the forks do first.
    """

    folder: Path
    choose: random.Random
    wanted: dict[str, int]
    doomed: float = 0.0
    patch: Callable[[], None] = lambda: None
    parts: list[Part] = field(default_factory=list)
    killed: Counter[str] = field(default_factory=Counter)
    frozen: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    _number: int = 0
    _waker: int = 0

    def __post_init__(self) -> None:
        turns.preload()
        gc.collect()
        gc.freeze()

    @property
    def log(self) -> Path:
        return self.folder / "parts.log"

    def __enter__(self) -> Nursery:
        seed, parent = self.choose.randrange(10**6), os.getpid()
        self._waker = self._beget(lambda: wake(seed, parent))
        self.fill()
        return self

    def __exit__(self, *error: object) -> None:
        end(self._waker)
        for part in self.parts:
            end(part.pid)
        gc.unfreeze()

    def fill(self) -> None:
        there = Counter(part.kind for part in self.parts)
        for kind, number in self.wanted.items():
            for _ in range(number - there[kind]):
                self.parts.append(self._fork(kind))

    def _fork(self, kind: str) -> Part:
        self._number += 1
        crashes = self.folder / f"crashes-{self._number}"
        crashes.mkdir()
        part, env = Part(kind, 0, crashes / "ticket"), {}
        if kind in POINTS and self.choose.random() < self.doomed:
            part.ticket.touch()
            part.freezes = kind == "trader" and self.choose.random() < 0.5
            env = {
                "CRACKTRADER_TEST_CRASH": self.choose.choice(POINTS[kind]),
                "CRACKTRADER_TEST_CRASHES": str(crashes),
                "CRACKTRADER_TEST_SIGNAL": "SIGSTOP" if part.freezes else "SIGKILL",
            }
        part.pid = self._beget(WORK[kind], **env)
        return part

    def _beget(self, work: Callable[[], None], **env: str) -> int:
        parent = os.getpid()

        def begin() -> None:
            orphans.die_with_parent(parent)
            log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(log, 1)
            os.dup2(log, 2)
            hasten()
            self.patch()
            work()

        return fork(begin, **env)

    # --- what becomes of them ---

    def reap(self) -> None:
        """Counts who died, and forks anew."""
        for part in list(self.parts):
            pid, status = os.waitpid(part.pid, os.WNOHANG)
            if not pid:
                continue
            self.parts.remove(part)
            self._note(part)
            if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
                self.killed[part.kind] += 1
            else:
                self.faults.append(f"a {part.kind} ended by itself: {status}")
        self.fill()

    def _note(self, part: Part) -> None:
        if part.freezes and not part.ticket.exists():
            self.frozen["between intent and answer"] += 1

    def freeze(self, part: Part) -> None:
        os.kill(part.pid, signal.SIGSTOP)
        self.frozen[part.kind] += 1

    def kill(self, part: Part) -> None:
        os.kill(part.pid, signal.SIGKILL)

    def of(self, *kinds: str) -> list[Part]:
        return [part for part in self.parts if part.kind in kinds]

    def calm(self) -> None:
        """Nobody is doomed any more."""
        self.doomed = 0.0
        for part in self.parts:
            self._note(part)
            part.freezes = False
            part.ticket.unlink(missing_ok=True)
