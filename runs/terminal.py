"""What commands show on a terminal: a progress bar, tables."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any

from . import formats

PLAIN_WIDTH = 160


class Progress:
    """A bar on a terminal; elsewhere a line whenever another stage begins.

    Called with a stage and the fraction done.  `quiet` shows the bar, which
    leaves nothing behind, and no lines.
    """

    def __init__(self, stream: Any, quiet: bool = False) -> None:
        self._stream = stream
        self._lines = not quiet
        self._stage = ""
        self._bar: Any = None

    def __enter__(self) -> Progress:
        if self._stream.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bar

            self._bar = Bar(
                BarColumn(),
                TaskProgressColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.description}", markup=False),
                # Not the stream itself: Django's wrapper ends every write with a new line.
                console=Console(stderr=True),
                transient=True,
            )
            self._task = self._bar.add_task("starting", total=1.0)
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, stage: str, fraction: float) -> None:
        shown = formats.printable(stage)
        if self._bar is not None:
            self._bar.update(self._task, completed=fraction, description=shown)
        elif self._lines and shown != self._stage:
            self._stage = shown
            self._stream.write(f"{fraction:4.0%} {shown}")


def table(
    headers: Sequence[str], rows: Iterable[Sequence[object]], right: Sequence[int] = ()
) -> str:
    """A table as text.  `right`: columns to align right.  Cells are shown, never interpreted."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=SIMPLE_HEAD, pad_edge=False)
    for index, header in enumerate(headers):
        shown.add_column(header, justify="right" if index in right else "left", overflow="fold")
    for row in rows:
        shown.add_row(*(Text(formats.printable(cell)) for cell in row))
    out = io.StringIO()
    Console(file=out, width=PLAIN_WIDTH, color_system=None).print(shown)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())
