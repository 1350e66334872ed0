"""Which workers of this machine are at a task that no row tells of.

A worker that computes for long answers nothing meanwhile; the ticker must not
take its cluster for deaf.  A file says so, which the ticker reads four times a
second; what a dead worker left is nobody's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.conf import settings

from exchanges.processes import ProcessId

Claim = tuple[str, int]
"""What a worker is at, and since when (ns)."""


@contextmanager
def on(what: str) -> Iterator[None]:
    """This process is at `what`, until the end of the block."""
    note = _folder() / str(ProcessId.current()).replace("/", ",")
    with suppress(OSError):
        # A disk that is full is no reason not to work.
        note.parent.mkdir(exist_ok=True)
        note.write_text(what, encoding="utf-8")
    try:
        yield
    finally:
        with suppress(OSError):
            note.unlink()


def held() -> list[tuple[ProcessId, Claim]]:
    """Living workers that are at something."""
    found = []
    with suppress(OSError):
        for note in _folder().iterdir():
            worker = ProcessId.parse(note.name.replace(",", "/"))
            with suppress(OSError):
                if worker is not None and worker.is_local and worker.is_alive():
                    began = note.stat().st_mtime_ns
                    found.append((worker, (note.read_text(encoding="utf-8"), began)))
                else:
                    note.unlink()
    return found


def _folder() -> Path:
    return Path(settings.CRACKTRADER_HOME) / "at-work"
