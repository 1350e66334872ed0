"""What a worker does for sweeps: chunk after chunk, for as long as its turn is.

A turn is short, and ends in the midst of a chunk if need be: what is done
of it is committed, and the rest is a chunk for whoever comes next.
"""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone
from django_q.exceptions import TimeoutException

from exchanges.domain import CracktraderError
from runs import shares, turns
from runs.engine.trials import BLOCKS
from runs.models import Sweep, SweepChunk
from runs.runner import drop_connection

from . import bells, chunks, journal, settling, workshop
from .candles import may_pass
from .chunks import ChunkLost, Held, Row
from .fairness import Due, Rounds
from .settling import SweepLost
from .workshop import Workshop

logger = logging.getLogger(__name__)

TURN_SECONDS = 1.5
CHUNK_SECONDS = 2.0
"""After so long a chunk is cut where it is."""
RENEW_SECONDS = 1.0
LOOK_SECONDS = 0.25
"""How often a worker looks whether a backtest waits, for which it ends its turn."""

_rounds = Rounds()
_balance = shares.Balance(TURN_SECONDS)

_NOTHING = np.full((BLOCKS, 3), np.nan)


class _Over(Exception):
    """Nobody wants this chunk any more: its sweep was stopped, or has failed."""


class _NoCandles(Exception):
    """Nor is there a reason that there should be none later, or on another machine."""


class _Turn:
    """Until when a worker is at sweeps; `yields`: no longer than no backtest waits."""

    def __init__(self, seconds: float, yields: bool) -> None:
        self.until = time.monotonic() + seconds
        self._yields, self._looked = yields, time.monotonic()

    @property
    def is_over(self) -> bool:
        now = time.monotonic()
        if self._yields and now - self._looked >= LOOK_SECONDS:
            self._looked = now
            if shares.backtest_waits():
                self.until = min(self.until, now)
        return now >= self.until

    def within(self, seconds: float) -> Callable[[], bool]:
        """Whether the turn is over, or so much of it."""
        until = time.monotonic() + seconds
        return lambda: self.is_over or time.monotonic() > until


def answer(stamp: str) -> None:
    """A task's turn, and the next one's bell; nothing if there was a later ring."""
    if bells.is_newest(stamp):
        turn(yields=True)
        if bells.is_newest(stamp) and chunks.due_sweeps().exists():
            bells.ring()


def is_owed_a_turn() -> bool:
    """Whether sweeps are due, and this worker was at backtests for as long as a turn is."""
    if _balance.is_owed and not chunks.due_sweeps().exists():
        _balance.clear()
    return _balance.is_owed


def spent_on_backtests(seconds: float) -> None:
    _balance.backtests(seconds)


def turn(seconds: float = TURN_SECONDS, only: Sweep | None = None, *, yields: bool = False) -> bool:
    """Works on what is due until the time is over.  False where there was nothing to do.

    `only`: on this sweep and no other.
    """
    began = time.monotonic()
    this = _Turn(seconds, yields)
    owner: str | None = None
    while owner is None or not this.is_over:
        sweep = _next(only, owner)
        if sweep is None:
            break
        owner = sweep.owner
        turns.wind_alarm(settings.BACKTEST_TIMEOUT)
        try:
            if sweep.has_free and sweep.status != Sweep.Status.STOPPING:  # type: ignore[attr-defined]
                _chunks_of(sweep, this)
            else:
                settling.settle(sweep)
        except (ChunkLost, SweepLost):
            logger.warning("sweep %s: a worker's result came too late", sweep.public_id)
    if owner is not None:
        gc.collect()
        _balance.sweeps(time.monotonic() - began)
    return owner is not None


def _next(only: Sweep | None, owner: str | None) -> Sweep | None:
    """One of the sweeps that are due; `owner`: whose turn it still is."""
    due = chunks.due_sweeps()
    if only is not None:
        return due.filter(pk=only.pk).first()
    found = due.values_list("pk", "owner", "status", "has_free")
    chosen = _rounds.choose(
        [
            Due(pk, whose, has_free and status != Sweep.Status.STOPPING)
            for pk, whose, status, has_free in found
        ],
        stay_with=owner,
    )
    return chosen and due.filter(pk=chosen.pk).first()


def _chunks_of(sweep: Sweep, this: _Turn) -> None:
    while not this.is_over and (held := chunks.claim(sweep)):
        if sweep.status == Sweep.Status.STARTING:
            sweep.status = Sweep.Status.RUNNING
            begun = Sweep.objects.filter(pk=sweep.pk, status=Sweep.Status.STARTING)
            begun.update(status=sweep.status, started_at=timezone.now())
        try:
            _Chunk(sweep, held, this.within(CHUNK_SECONDS)).work()
        except _Over:
            chunks.let_go(held)
            return
        except (ChunkLost, DatabaseError):
            raise
        except CracktraderError as error:
            settling.fail(sweep, error)
            return
        except Exception as error:
            # Not a trial's own, which is kept with the trial: every worker would meet it.
            logger.exception("sweep %s failed", sweep.public_id)
            name = type(error).__name__
            settling.fail(sweep, CracktraderError("RUN_FAILED", f"{name}: {error}"[:1000]))
            return


class _Chunk:
    """A chunk that this worker holds."""

    def __init__(self, sweep: Sweep, held: Held, is_over: Callable[[], bool]) -> None:
        self._sweep, self._held, self._is_over = sweep, held, is_over
        self._renewed = time.monotonic()
        self._stage = sweep.stage

    def work(self) -> None:
        """Raises what makes the whole sweep fail: what every worker would meet."""
        if self._held.is_lost:
            self._give_up_first()
            return
        if self._held.attempts > 1:
            journal.tried_again(self._sweep, self._held)
        shop = workshop.of(self._sweep, self._progress)
        held: Held | None = self._held
        while held is not None:
            self._held = held
            held = self._part(shop, 1 if held.is_suspect else held.count)

    def _part(self, shop: Workshop, most: int) -> Held | None:
        """At most so many trials, tried and committed; the rest if it is still held.

        Where candles are waited for, what is tried is committed, and the rest pauses.
        """
        held, began = self._held, time.perf_counter()
        rows: list[Row] = []
        blocks = []
        waits: _NoCandles | None = None
        for number in range(held.first, held.first + most):
            try:
                row, block = self._try(shop, number)
            except _NoCandles as error:
                waits = error
                break
            rows.append(row)
            blocks.append(block)
            if self._is_over():
                break
            self._still_there()
        rest = None
        if rows:
            keep = held.is_suspect and waits is None and not self._is_over()
            seconds = time.perf_counter() - began
            content = np.stack(blocks).tobytes()
            pause = waits is not None
            rest = chunks.commit(held, self._sweep, rows, content, seconds, keep=keep, pause=pause)
            self._sweep.stage = self._stage = ""
        else:
            chunks.wait(held)
        if waits is not None:
            logger.warning("sweep %s waits for candles: %s", self._sweep.public_id, waits)
            self._tell(f"waiting for candles: {waits}")
        return rest

    def _try(self, shop: Workshop, number: int) -> tuple[Row, np.ndarray[Any, Any]]:
        from runs.engine.backtest import warmup

        place = shop.layout.place(number)
        held, variations = self._held, shop.layout.variations
        if held.plan is None:
            varied = shop.point(place.point)
        else:
            varied = held.plan[number // variations - held.first // variations]
        at = (number, place.segment, place.variation, varied)
        try:
            params, changes = shop.params(varied)
            wanted = warmup(shop.strategy, params)
        except CracktraderError as error:
            return _failed(at, error)
        try:
            trials = shop.trials(place.variation, place.segment, wanted)
        except CracktraderError as error:
            if held.may_wait and may_pass(error):
                raise _NoCandles(error) from error
            return _failed(at, error)
        try:
            result = trials.run(params, changes)
        except CracktraderError as error:
            return _failed(at, error)
        except TimeoutException:
            drop_connection()
            turns.wind_alarm(settings.BACKTEST_TIMEOUT)
            seconds = settings.BACKTEST_TIMEOUT
            message = f"The trial took longer than {seconds} s"
            return _failed(at, CracktraderError("RUN_TIMEOUT", message))
        except Exception as error:
            logger.exception("trial %s of sweep %s failed", number, self._sweep.public_id)
            message = f"{type(error).__name__}: {error}"
            return _failed(at, CracktraderError("RUN_FAILED", message))
        objective = result.metrics[self._sweep.objective]
        return Row(*at, objective=objective, metrics=result.metrics), result.blocks

    def _give_up_first(self) -> None:
        shop = Workshop(self._sweep, self._progress)
        held = self._held
        place = shop.layout.place(held.first)
        varied = shop.point(place.point) if held.plan is None else held.plan[0]
        journal.given_up(self._sweep, held)
        error = CracktraderError("WORKER_LOST", "Each worker that tried it was lost")
        row, block = _failed((held.first, place.segment, place.variation, varied), error)
        chunks.commit(
            held, self._sweep, [row], block.tobytes(), 0.0, status=SweepChunk.Status.FAILED
        )

    def _progress(self, stage: str, fraction: float) -> None:
        """While candles are waited for."""
        self._stage = stage[:200]
        self._still_there()

    def _tell(self, stage: str) -> None:
        if stage == self._sweep.stage:
            return
        self._sweep.stage = self._stage = stage[:200]
        active = Sweep.objects.filter(pk=self._sweep.pk, status__in=Sweep.ACTIVE)
        active.update(stage=self._stage)

    def _still_there(self) -> None:
        now = time.monotonic()
        if now - self._renewed < RENEW_SECONDS:
            return
        self._renewed = now
        turns.wind_alarm(settings.BACKTEST_TIMEOUT)
        if not chunks.renew(self._held, self._sweep):
            raise _Over
        self._tell(self._stage)


def _failed(
    at: tuple[int, int, int, dict[str, Any]], error: CracktraderError
) -> tuple[Row, np.ndarray[Any, Any]]:
    return Row(*at, error_code=error.code, error=error.message), _NOTHING
