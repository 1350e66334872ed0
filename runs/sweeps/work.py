"""What a worker does for sweeps: chunk after chunk, for as long as its turn is.

A turn is short, and ends in the midst of a chunk if need be: what is done
of it is committed, and the rest is a chunk for whoever comes next.
"""

from __future__ import annotations

import gc
import logging
import random
import time
from collections import defaultdict
from typing import Any

import numpy as np
from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone
from django_q.exceptions import TimeoutException

from exchanges.domain import CracktraderError
from runs import turns
from runs.engine.trials import BLOCKS
from runs.models import Sweep, SweepChunk
from runs.runner import drop_connection

from . import bells, chunks, journal, settling, workshop
from .candles import may_pass
from .chunks import ChunkLost, Held, Row
from .settling import SweepLost
from .workshop import Workshop

logger = logging.getLogger(__name__)

TURN_SECONDS = 1.5
CHUNK_SECONDS = 2.0
"""After so long a chunk is cut where it is."""
RENEW_SECONDS = 1.0

_NOTHING = np.full((BLOCKS, 3), np.nan)


class _Over(Exception):
    """Nobody wants this chunk any more: its sweep was stopped, or has failed."""


class _NoCandles(Exception):
    """Nor is there a reason that there should be none later, or on another machine."""


def answer(stamp: str) -> None:
    """A task's turn, and the next one's bell; nothing if there was a later ring."""
    if bells.is_newest(stamp):
        turn()
        if bells.is_newest(stamp) and chunks.due_sweeps().exists():
            bells.ring()


def turn(seconds: float = TURN_SECONDS, only: Sweep | None = None) -> bool:
    """Works on what is due until the time is over.  False where there was nothing to do.

    `only`: on this sweep and no other.
    """
    until = time.monotonic() + seconds
    worked = False
    while time.monotonic() < until:
        sweep = _next(only)
        if sweep is None:
            break
        worked = True
        turns.wind_alarm(settings.BACKTEST_TIMEOUT)
        try:
            if sweep.has_free and sweep.status != Sweep.Status.STOPPING:  # type: ignore[attr-defined]
                _chunks_of(sweep, until)
            else:
                settling.settle(sweep)
        except (ChunkLost, SweepLost):
            logger.warning("sweep %s: a worker's result came too late", sweep.public_id)
    if worked:
        gc.collect()
    return worked


def _next(only: Sweep | None) -> Sweep | None:
    """One of the sweeps that are due: each owner has the same chance, then each of its sweeps."""
    due = chunks.due_sweeps()
    if only is not None:
        return due.filter(pk=only.pk).first()
    owners = defaultdict(list)
    for pk, owner in due.values_list("pk", "owner"):
        owners[owner].append(pk)
    if not owners:
        return None
    chosen = random.choice(owners[random.choice(list(owners))])
    return due.filter(pk=chosen).first()


def _chunks_of(sweep: Sweep, until: float) -> None:
    while time.monotonic() < until and (held := chunks.claim(sweep)):
        if sweep.status == Sweep.Status.STARTING:
            sweep.status = Sweep.Status.RUNNING
            begun = Sweep.objects.filter(pk=sweep.pk, status=Sweep.Status.STARTING)
            begun.update(status=sweep.status, started_at=timezone.now())
        try:
            _Chunk(sweep, held, min(until, time.monotonic() + CHUNK_SECONDS)).work()
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

    def __init__(self, sweep: Sweep, held: Held, until: float) -> None:
        self._sweep, self._held, self._until = sweep, held, until
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
            if time.monotonic() > self._until:
                break
            self._still_there()
        rest = None
        if rows:
            keep = held.is_suspect and waits is None and time.monotonic() < self._until
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
