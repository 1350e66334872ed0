"""Waiting for sweeps, in the asynchronous client."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from cracktrader import models
from cracktrader._progress import Progress
from cracktrader._retry import within
from cracktrader._transport import async_sleep
from cracktrader._waiting import OVER
from cracktrader.exceptions import SweepFailed, TimedOut

if TYPE_CHECKING:
    from .client import AsyncCrackTraderAPI

FIRST_PAUSE = 0.1
GROWTH = 1.5
LONGEST_PAUSE = 3.0


async def until_over(
    api: AsyncCrackTraderAPI,
    sweep_id: str,
    timeout: float | None,
    progress: bool | None,
    on_progress: Callable[[models.SweepDetail], None] | None,
) -> models.SweepDetail:
    """However it ends.  Raises TimedOut."""
    began = time.monotonic()
    pause = FIRST_PAUSE
    with within(timeout), Progress(progress, "starting") as bar:
        while True:
            sweep = await api.get_sweep(sweep_id)
            bar.tell(sweep.progress, describe(sweep))
            if on_progress is not None:
                on_progress(sweep)
            if sweep.status in OVER:
                return sweep
            pause = min(pause * GROWTH, LONGEST_PAUSE)
            if timeout is not None:
                left = began + timeout - time.monotonic()
                if left <= 0:
                    told = f"Sweep {sweep_id} is {sweep.status} after {timeout} s, and goes on"
                    raise TimedOut(told)
                pause = min(pause, left)
            await async_sleep(pause)


def describe(sweep: models.SweepDetail) -> str:
    """For a progress bar."""
    rate = sweep.trials_per_second
    speed = "" if rate is None else f", {rate:,.0f}/s"
    done, total = sweep.trials_done or 0, sweep.trials_total or 0
    return f"{sweep.status}, {done:,} of {total:,} trials{speed}"


def refuse_failed(sweep: models.SweepDetail) -> None:
    """Raises SweepFailed where it has."""
    if sweep.status == "failed":
        code, _, message = (sweep.error or "RUN_FAILED: no reason given").partition(": ")
        raise SweepFailed(sweep.sweep_id, code, message, sweep.error_details)
