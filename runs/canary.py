"""The question that each cluster of task workers is asked, and nobody else can answer.

The cluster's own broker slips it in among the messages, so that it goes the way
of every task: by the pusher and the cluster's locks to a worker, and from there
to the database.  On the queue itself another machine's worker might take it.
"""

from __future__ import annotations

import time
from typing import Any

from django.utils import timezone
from django_q.humanhash import uuid
from django_q.signing import SignedPackage

from .models import Heartbeat

ASK_SECONDS = 3.0

_cluster = ""
_asked = 0.0


def begin(name: str) -> None:
    """This process, and those forked from it, are the cluster with that Heartbeat."""
    global _cluster
    _cluster = name


def due() -> list[tuple[None, str]] | None:
    """What a broker's `dequeue` gives instead of a message, every few seconds in a cluster."""
    global _asked
    if not _cluster or time.monotonic() - _asked < ASK_SECONDS:
        return None
    _asked = time.monotonic()
    name, id = uuid()
    question: dict[str, Any] = {"id": id, "name": name, "func": "runs.tasks.beat", "args": ()}
    question |= {"kwargs": {}, "save": False, "started": timezone.now()}
    return [(None, SignedPackage.dumps(question))]


def answer() -> None:
    """A worker has got so far."""
    Heartbeat.objects.filter(name=_cluster).update(seen_at=timezone.now())
