"""What commands show on a terminal: a progress bar, tables, a run as it goes."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

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

    def __exit__(self, *raised: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, stage: str, fraction: float) -> None:
        shown = formats.printable(stage)
        if self._bar is not None:
            self._bar.update(self._task, completed=fraction, description=shown)
        elif self._lines and shown != self._stage:
            self._stage = shown
            self._stream.write(f"{fraction:4.0%} {shown}")


class Narrator:
    """Lines as they come, and on a terminal one more below them that says how things stand.

    Off a terminal the lines go to `stream` as they are.  `silent`: no lines,
    and the one below is shown on stderr.
    """

    _STYLES: ClassVar[dict[str, str]] = {
        "quiet": "dim",
        "up": "green",
        "down": "red",
        "warning": "yellow",
        "error": "bold red",
    }

    def __init__(self, stream: Any, silent: bool = False) -> None:
        self._stream, self._silent = stream, silent
        self._status: Any = None

    @property
    def on_terminal(self) -> bool:
        return self._status is not None

    def __enter__(self) -> Narrator:
        if (sys.stderr if self._silent else self._stream).isatty():
            from rich.console import Console

            self._status = Console(stderr=self._silent, highlight=False).status("")
            self._status.start()
        return self

    def __exit__(self, *raised: object) -> None:
        if self._status is not None:
            self._status.stop()

    def line(self, text: str, tone: str = "") -> None:
        if self._silent:
            return
        if self._status is None:
            self._stream.write(formats.printable(text))
            return
        from rich.text import Text

        shown = Text(formats.printable(text), style=self._STYLES.get(tone, ""))
        self._status.console.print(shown, soft_wrap=True)

    def status(self, text: str) -> None:
        if self._status is not None:
            from rich.text import Text

            self._status.update(Text(formats.printable(text)))


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
