"""Clusters of task workers: announced, watched for signs of life, killed when they are deaf.

A worker that is killed while it holds one of the cluster's locks leaves a
cluster that lives and does nothing, or one that no longer replaces workers.
Each machine's ticker judges the clusters of its own machine.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Hashable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import psutil
from django.utils import timezone

from exchanges import queue
from exchanges.processes import HOST, ProcessId

from . import canary
from .models import Heartbeat

logger = logging.getLogger(__name__)

JOBS, LIVE = "jobs", "live"
"""Backtests, replays, preparations and downloads; slices of paper and live runs."""

LOOK_SECONDS = 3.0
DEAF_SECONDS = 10.0
BEAT_STALE = timedelta(seconds=20)
"""So long after its last sign of life a cluster is taken for absent."""
FORGOTTEN = timedelta(days=1)

Claims = frozenset[Hashable]
"""What a cluster's workers hold: (run, fence) of runs and downloads, and other work."""


@dataclass
class Watched:
    """What one ticker has seen of a cluster; times are monotonic seconds.

    `still_since`: since when an idle worker has answered nothing while nothing
    else moved either.
    """

    looked: float = 0.0
    still_since: float = field(default_factory=time.monotonic)
    answered: datetime | None = None
    claims: Claims = frozenset()
    unreaped: set[int] = field(default_factory=set)


def announce(cluster: str, workers: int) -> None:
    """This process is a cluster's main process."""
    forget_dead()
    silent = timezone.now() - FORGOTTEN
    # Of machines that did not come back.
    Heartbeat.objects.exclude(host=HOST).filter(started_at__lt=silent, seen_at__lt=silent).delete()
    name = str(ProcessId.current())
    canary.begin(name)
    Heartbeat.objects.create(
        name=name,
        cluster=cluster,
        host=HOST,
        pid=os.getpid(),
        workers=workers,
        started_at=timezone.now(),
    )


def forget_dead() -> list[Heartbeat]:
    """Strikes out this machine's clusters that are gone, so that none speaks for the next one.

    Returns those that live.
    """
    alive = []
    for beat in Heartbeat.objects.filter(host=HOST):
        process = ProcessId.parse(beat.name)
        if process is None or not process.is_alive():
            beat.delete()
        else:
            alive.append(beat)
    return alive


def answers(cluster: str) -> bool:
    """Whether one of that name has executed a task lately."""
    since = timezone.now() - BEAT_STALE
    return Heartbeat.objects.filter(cluster=cluster, seen_at__gte=since).exists()


waiting_tasks = queue.waiting


def check(held: Iterable[tuple[ProcessId, Hashable]], seen: dict[str, Watched]) -> None:
    """Kills clusters of this machine that execute no task any more.

    `held`: who holds which claim.  `seen`: the caller's memory.
    """
    beats = forget_dead()
    held = list(held)
    for beat in beats:
        claims = frozenset(claim for owner, claim in held if owner.cluster == beat.cluster)
        watched = seen.setdefault(beat.name, Watched())
        _check(beat, claims, watched)
    for name in seen.keys() - {beat.name for beat in beats}:
        del seen[name]


def _check(beat: Heartbeat, claims: Claims, watched: Watched) -> None:
    now = time.monotonic()
    moved = beat.seen_at != watched.answered or claims != watched.claims
    if moved or len(claims) >= beat.workers:
        watched.answered, watched.claims, watched.still_since = beat.seen_at, claims, now
    elif now - watched.still_since > DEAF_SECONDS:
        _kill(beat, "executes no task")
        return
    if now - watched.looked < LOOK_SECONDS:
        return
    watched.looked = now
    unreaped = _unreaped(beat.pid)
    if unreaped & watched.unreaped:
        _kill(beat, "no longer replaces its workers")
    watched.unreaped = unreaped


def _unreaped(pid: int) -> set[int]:
    """Dead workers whose sentinel has not noticed."""
    with suppress(psutil.NoSuchProcess):
        family = psutil.Process(pid).children()
        family += [worker for sentinel in family for worker in sentinel.children()]
        return {child.pid for child in family if child.status() == psutil.STATUS_ZOMBIE}
    return set()


def _kill(beat: Heartbeat, why: str) -> None:
    """The whole session where it is the cluster's own, else the process (its forks follow)."""
    logger.error("cluster %s [%s] %s; it is killed", beat.cluster, beat.pid, why)
    with suppress(ProcessLookupError):
        if os.getpgid(beat.pid) == beat.pid:
            os.killpg(beat.pid, signal.SIGKILL)
        else:
            os.kill(beat.pid, signal.SIGKILL)
