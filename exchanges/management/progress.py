"""What the commands of this app share: dates, errors in one line, a progress bar."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from django.core.management.base import CommandError
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from exchanges.domain import CracktraderError

_NAMED = 12
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@contextmanager
def one_line_errors() -> Iterator[None]:
    try:
        yield
    except CracktraderError as error:
        raise CommandError(f"{error.code}: {error.message}{_hints(error)}") from None


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Callable[[str, float], None] | None]:
    """A bar on stderr, where one can be seen; the callback is an `on_progress`."""
    if quiet:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    console = Console(stderr=True)
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
        task = progress.add_task("", total=1.0)
        yield lambda what, done: progress.update(task, description=what, completed=done)


def parse_date(text: str) -> int:
    """A day, which is its midnight in UTC, or ISO 8601 with its zone → UTC ms."""
    try:
        moment = datetime.fromisoformat(f"{text}T00:00:00Z" if _DAY.fullmatch(text) else text)
    except ValueError:
        raise CommandError(f"{text!r} is not a date: expected 2024-01-01 or ISO 8601") from None
    if moment.tzinfo is None:
        raise CommandError("NAIVE_DATETIME: say the time zone, e.g. 2024-01-01T00:00:00Z")
    return int(moment.timestamp() * 1000)


def show_date(ms: int | None) -> str:
    return "-" if ms is None else datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def _hints(error: CracktraderError) -> str:
    parts = []
    for name, value in error.details.items():
        if isinstance(value, list):
            more = f", … {len(value) - _NAMED} more" if len(value) > _NAMED else ""
            value = ", ".join(map(str, value[:_NAMED])) + more
        parts.append(f"{name.replace('_', ' ')}: {value}")
    return f" ({'; '.join(parts)})" if parts else ""
