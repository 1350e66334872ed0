"""What the task queue calls: an id in, nothing out, safe to call twice."""

from __future__ import annotations

import gc

from django.utils import timezone

from . import runner
from .models import Heartbeat


def run_backtest(run_id: int) -> None:
    if runner.execute(run_id):
        gc.collect()


def beat(heartbeat_id: int) -> None:
    Heartbeat.objects.filter(id=heartbeat_id).update(seen_at=timezone.now())
