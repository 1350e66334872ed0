"""Waiting for runs, in the synchronous client.

Generated of _async/waiting.py by generate.py: change that.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from cracktrader import models
from cracktrader._progress import Progress
from cracktrader._retry import of_run, within
from cracktrader._transport import sleep
from cracktrader._waiting import OVER, Board
from cracktrader.errors import RUN_CODES, RunFailed, TimedOut

if TYPE_CHECKING:
    from .client import CrackTraderAPI

MOST_AT_ONCE = 500


def until_over(
    api: CrackTraderAPI,
    run_id: str,
    timeout: float | None,
    progress: bool | None,
    *,
    fresh: bool = False,
) -> models.RunDetail | models.RunSummary:
    """`fresh`: it has been started just now."""
    board = api._session.board
    began = time.monotonic()
    with (
        of_run(run_id),
        within(timeout),
        Progress(progress, "starting") as bar,
        board.waiting(run_id, fresh),
    ):
        while True:
            asked = board.turn()
            if asked:
                _ask(api, board, asked, run_id)
            run = board.seen(run_id)
            if run is not None:
                bar.tell(run.progress, run.status)
                if run.status in OVER:
                    return run
            pause = board.pause()
            if timeout is not None:
                left = began + timeout - time.monotonic()
                if left <= 0:
                    status = "not over" if run is None else run.status
                    raise TimedOut(f"Run {run_id} is {status} after {timeout} s, and goes on")
                pause = min(pause, left)
            sleep(pause)


def _ask(api: CrackTraderAPI, board: Board, asked: list[str], run_id: str) -> None:
    """One question for all runs; about this one by itself where a list does not have it."""
    found: list[models.RunDetail | models.RunSummary] = []
    try:
        if len(asked) > 1:
            found += api.list_runs(limit=min(len(asked) + 20, MOST_AT_ONCE))
        if not any(run.run_id == run_id for run in found):
            found.append(api.get_run(run_id))
    finally:
        board.tell(found)


def refuse_failed(api: CrackTraderAPI, run: models.RunDetail | models.RunSummary) -> None:
    """Raises RunFailed, of its code's class, where the run has failed."""
    if run.status != "failed":
        return
    detail = run if isinstance(run, models.RunDetail) else api.get_run(run.run_id)
    code, _, message = (detail.error or "RUN_FAILED: no reason given").partition(": ")
    raise RUN_CODES.get(code, RunFailed)(detail.run_id, code, message, detail.error_details)
