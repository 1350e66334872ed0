"""Writes a run's report: one HTML file that can be mailed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchanges.domain import CracktraderError
from runs import formats
from runs.lookup import find_run


class Command(BaseCommand):
    help = (
        "Writes a run's charts, figures, trades, configuration and seal as one HTML file, "
        "which needs no server and asks for nothing from anywhere."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", help="A run's id, or as much of its beginning as is unique.")
        parser.add_argument(
            "--out", type=Path, metavar="FILE.html", help="Default: run-ID.html, here."
        )

    def handle(self, *args: Any, run: str, out: Path | None, **options: Any) -> None:
        from runs.report import file_name, standalone

        try:
            found = find_run(run)
            path = out or Path(file_name(found))
            path.write_text(standalone(found), encoding="utf-8")
        except CracktraderError as error:
            raise CommandError(formats.printable(error)) from None
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from None
        self.stdout.write(str(path))
