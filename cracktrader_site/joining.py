"""What a machine does before it works on a database that others work on too."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError
from django.db import OperationalError, connection

from exchanges import machines

logger = logging.getLogger(__name__)

DATABASE_SECONDS = 60.0
MIGRATED_SECONDS = 120.0


@contextmanager
def in_turn() -> Iterator[None]:
    """One machine at a time, once the database answers.  Raises CommandError."""
    if not machines.several():
        yield
        return
    _wait(_answers, DATABASE_SECONDS, "The database cannot be reached")
    with machines.one_at_a_time():
        yield


def join() -> bool:
    """Joins the machines at work; returns whether this one was unknown.  Raises CommandError."""
    try:
        return machines.join()
    except ImproperlyConfigured as error:
        raise CommandError(str(error)) from None


def wait_and_join() -> None:
    """For a part by itself, which migrates nothing.  Raises CommandError."""
    if not machines.several():
        return
    _wait(_answers, DATABASE_SECONDS, "The database cannot be reached")
    _wait(_lacks, MIGRATED_SECONDS, "Run `manage.py migrate` (`serve` does): the database lacks")
    join()


def _wait(trouble: Callable[[], str], seconds: float, told: str) -> None:
    deadline, said = time.monotonic() + seconds, ""
    while found := trouble():
        if time.monotonic() > deadline:
            raise CommandError(f"{told}: {found}")
        if found != said:
            logger.warning("%s: %s; waiting", told, found)
            said = found
        time.sleep(0.5)


def _answers() -> str:
    try:
        connection.ensure_connection()
    except OperationalError as error:
        return str(error).strip().partition("\n")[0]
    return ""


def _lacks() -> str:
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return ", ".join(f"{migration.app_label}.{migration.name}" for migration, _ in plan)
