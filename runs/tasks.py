"""What the task queue calls: an id in, nothing out, safe to call twice."""

from __future__ import annotations

import gc
import logging

from django.db import DatabaseError
from django.utils import timezone

from . import runner
from .models import Heartbeat

logger = logging.getLogger(__name__)


def run_backtest(run_id: int) -> None:
    try:
        if runner.execute(run_id):
            gc.collect()
    except DatabaseError:
        # The lease may still be ours, and ends with this process: the run is
        # taken up again at once instead of waiting for a worker that forgot it.
        logger.exception("run %s: its end could not be written; this worker ends", run_id)
        raise SystemExit(1) from None


def beat(heartbeat_id: int) -> None:
    Heartbeat.objects.filter(id=heartbeat_id).update(seen_at=timezone.now())
