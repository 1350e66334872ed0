"""What the log says of sweeps: a line where one starts, is stopped, is set back, and ends."""

from __future__ import annotations

import logging
from typing import Any

from django.utils import timezone

from exchanges.processes import HOST
from runs.models import Sweep

from .chunks import Held

logger = logging.getLogger(__name__)


def started(sweep: Sweep) -> None:
    logger.info(
        "sweep %s starts: %s trials of %s, %s",
        sweep.public_id,
        sweep.trials_total,
        sweep.strategy_name,
        sweep.sampler,
        extra=_facts(sweep),
    )


def stop_asked(sweep: Sweep) -> None:
    logger.info(
        "sweep %s is to stop: %s of %s trials are made",
        sweep.public_id,
        sweep.trials_done,
        sweep.trials_total,
        extra=_facts(sweep),
    )


def tried_again(sweep: Sweep, held: Held) -> None:
    """`held` was claimed by somebody who is gone."""
    logger.warning(
        "sweep %s: trials %s to %s are tried again on %s, attempt %s",
        sweep.public_id,
        held.first,
        held.first + held.count - 1,
        HOST,
        held.attempts,
    )


def given_up(sweep: Sweep, held: Held) -> None:
    logger.warning(
        "sweep %s: trial %s is given up on %s: %s workers were lost over it",
        sweep.public_id,
        held.first,
        HOST,
        held.attempts - 1,
    )


def ended(sweep: Sweep) -> None:
    """Of the row as it was written."""
    facts = _facts(sweep)
    level = logging.WARNING if sweep.status == Sweep.Status.FAILED else logging.INFO
    logger.log(
        level,
        "sweep %s is %s on %s: %s of %s trials, %s without a result, %.1f s%s",
        sweep.public_id,
        sweep.status,
        HOST,
        sweep.trials_done,
        sweep.trials_total,
        sweep.trials_failed,
        facts["facts"]["seconds"],
        f"; {sweep.error_code}: {sweep.error}" if sweep.error_code else "",
        extra=facts,
    )


def _facts(sweep: Sweep) -> dict[str, Any]:
    seconds = ((sweep.finished_at or timezone.now()) - sweep.created_at).total_seconds()
    return {
        "facts": {
            "status": sweep.status,
            "trials_total": sweep.trials_total,
            "trials_done": sweep.trials_done,
            "trials_failed": sweep.trials_failed,
            "seconds": round(seconds, 3),
        }
    }
