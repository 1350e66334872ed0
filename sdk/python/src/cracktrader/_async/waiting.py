"""Waiting for runs, in the asynchronous client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cracktrader import models
from cracktrader._progress import Progress
from cracktrader._transport import async_sleep
from cracktrader._waiting import OVER, pauses
from cracktrader.errors import RUN_CODES, RunFailed, TimedOut

if TYPE_CHECKING:
    from .client import AsyncCrackTraderAPI


async def until_over(
    api: AsyncCrackTraderAPI, run_id: str, timeout: float | None, progress: bool | None
) -> models.RunDetail:
    try:
        with Progress(progress, "starting") as bar:
            run = await api.get_run(run_id)
            for pause in pauses(timeout):
                bar.tell(run.progress, run.status)
                if run.status in OVER:
                    break
                await async_sleep(pause)
                run = await api.get_run(run_id)
    except KeyboardInterrupt as interrupt:
        interrupt.add_note(f"Run {run_id} goes on; wait_for_run and stop_run take its id.")
        raise
    if run.status not in OVER:
        raise TimedOut(f"Run {run_id} is {run.status} after {timeout} s, and goes on")
    return run


def refuse_failed(run: models.RunDetail) -> None:
    """Raises RunFailed, of its code's class, where the run has failed."""
    if run.status != "failed":
        return
    code, _, message = (run.error or "RUN_FAILED: no reason given").partition(": ")
    raise RUN_CODES.get(code, RunFailed)(run.run_id, code, message, run.error_details)
