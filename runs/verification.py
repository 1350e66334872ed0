"""A run's verification as it is asked for, made by a worker, and kept on its record.

`Run.verify_due_at` is the truth of it: null while none is asked for, else when
a worker may take it up.  A worker that has it sets the date to where its lease
ends, which no other then has, and writes only while it is still there.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone
from django_q.exceptions import TimeoutException

from exchanges.domain import CracktraderError
from exchanges.processes import ProcessId

from . import clusters, runner, services, verify
from .fields import iso
from .models import Run
from .verify import Difference, Report

logger = logging.getLogger(__name__)

CHECKING, IDENTICAL, DIFFERENT, FAILED = "checking", "identical", "different", "failed"
MOST_DIFFERENCES = 50
TASK = "verify_run"

_MARGIN = timedelta(seconds=60)
_RING_AGAIN_AFTER = timedelta(seconds=10)
_SURELY_LOST_AFTER = timedelta(seconds=60)
"""A message that was sent so long ago is not waited for, however long the queue is."""

_LONGEST_VALUE = 200


def ask(run: Run) -> bool:
    """Has a worker verify the run; False where that is under way already.

    Raises RUN_NOT_COMPLETED for a run without a result.
    """
    verify.refuse_unfinished(run)
    now = timezone.now()
    asked = {
        "state": CHECKING,
        "asked_at": _iso(now),
        "began_at": None,
        "worker": "",
        "attempts": 0,
    }
    previous = _previous(run)
    if previous:
        asked["previous"] = previous
    with transaction.atomic():
        if not Run.objects.filter(pk=run.pk, verify_due_at=None).update(
            verify_due_at=now, verification=asked
        ):
            return False
        transaction.on_commit(lambda: services.send(run.pk, TASK))
    return True


def keep(run_id: int) -> None:
    """Verifies the run if that is asked for and nobody is at it, and keeps the report.

    What prevents it is kept too.
    """
    claimed = _claim(run_id)
    if claimed is None:
        return
    run, until = claimed
    try:
        found = _made(run)
    except TimeoutException:
        runner.drop_connection()
        seconds = settings.BACKTEST_TIMEOUT
        _finish(run, until, _failure("RUN_TIMEOUT", f"It took longer than {seconds} s"))
        raise
    except DatabaseError:
        # For a while only, one hopes: the sweeper has another worker do it.
        Run.objects.filter(pk=run.pk, verify_due_at=until).update(verify_due_at=timezone.now())
        raise
    _finish(run, until, found)


def ring_again() -> None:
    """Sends for what was asked and nobody took up, and for what a dead worker left."""
    now = timezone.now()
    asked = Run.objects.exclude(verify_due_at=None).order_by("verify_due_at")
    for run_id, due_at, kept in asked.values_list("pk", "verify_due_at", "verification"):
        changes: dict[str, Any] = {"verify_due_at": now}
        if due_at > now:
            worker = ProcessId.parse(kept.get("worker", ""))
            is_lost = worker is not None and worker.is_local and not worker.is_alive()
            if is_lost and not worker.parent_is_alive():
                # It went down with its whole cluster, which this cannot have caused.
                changes["verification"] = kept | {"attempts": max(kept["attempts"] - 1, 0)}
        else:
            waited = now - due_at
            is_lost = waited > _SURELY_LOST_AFTER or (
                waited > _RING_AGAIN_AFTER and clusters.waiting_tasks(clusters.JOBS) == 0
            )
        same = Run.objects.filter(pk=run_id, verify_due_at=due_at)
        # Of several sweepers one sends.
        if is_lost and same.update(**changes):
            services.send(run_id, TASK)


def _claim(run_id: int) -> tuple[Run, datetime] | None:
    runs = Run.objects.select_related("strategy_version__strategy", "exchange")
    run = runs.defer("exchange__markets").get(pk=run_id)
    now, due_at = timezone.now(), run.verify_due_at
    if due_at is None or due_at > now:
        return None
    until = now + timedelta(seconds=settings.BACKTEST_TIMEOUT) + _MARGIN
    attempts = run.verification.get("attempts", 0) + 1
    taken = run.verification | {
        "began_at": _iso(now),
        "worker": str(ProcessId.current()),
        "attempts": attempts,
    }
    same = Run.objects.filter(pk=run_id, verify_due_at=due_at)
    if not same.update(verify_due_at=until, verification=taken):
        return None
    run.verification = taken
    if attempts > settings.RUN_MAX_ATTEMPTS:
        lost = attempts - 1
        _finish(run, until, _failure("WORKER_LOST", f"{lost} workers were lost verifying it"))
        return None
    return run, until


def _made(run: Run) -> dict[str, Any]:
    try:
        return _kept(verify.verify(run))
    except (TimeoutException, DatabaseError):
        raise
    except CracktraderError as error:
        return _failure(error.code, error.message)
    except Exception as error:
        logger.exception("run %s could not be verified", run.public_id)
        return _failure("RUN_FAILED", f"{type(error).__name__}: {error}"[:300])


def _finish(run: Run, until: datetime, found: dict[str, Any]) -> None:
    times = {name: run.verification.get(name) for name in ("asked_at", "began_at")}
    report = found | times | {"finished_at": _iso(timezone.now())}
    if found["state"] == FAILED and "previous" in run.verification:
        report["previous"] = run.verification["previous"]
    mine = Run.objects.filter(pk=run.pk, verify_due_at=until)
    if not mine.update(verification=report, verify_due_at=None):
        logger.warning("the verification of run %s was taken over", run.public_id)


def _previous(run: Run) -> dict[str, Any]:
    """The last report with a verdict, which stands until there is another; else empty."""
    kept = Run.objects.values_list("verification", flat=True).get(pk=run.pk)
    if kept.get("state") not in (IDENTICAL, DIFFERENT):
        return kept.get("previous", {})
    return kept


def _kept(report: Report) -> dict[str, Any]:
    shown = report.differences[:MOST_DIFFERENCES]
    return {
        "state": IDENTICAL if report.identical else DIFFERENT,
        "verdict": report.verdict,
        "result_hash": report.result_hash,
        "recomputed_hash": report.recomputed_hash,
        "differences": list(_plain(shown)),
        "more_differences": len(report.differences) - len(shown),
        "error": None,
    }


def _plain(differences: Iterable[Difference]) -> Iterable[dict[str, str]]:
    for difference in differences:
        row = {name: str(value) for name, value in asdict(difference).items()}
        yield {
            name: text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
            for name, text in row.items()
        }


def _failure(code: str, message: str) -> dict[str, Any]:
    return {
        "state": FAILED,
        "verdict": f"could not be verified: {message}",
        "differences": [],
        "more_differences": 0,
        "error": {"code": code, "message": message},
    }


def _iso(moment: datetime) -> str:
    return iso(round(moment.timestamp() * 1000))
