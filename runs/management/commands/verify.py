"""Runs a finished run again and says whether anything differs."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchanges.domain import CracktraderError
from runs import formats
from runs.lookup import find_run
from runs.terminal import Progress


class Command(BaseCommand):
    help = (
        "Runs a finished run again, from its stored source and sealed configuration, and compares "
        "results, tables and candles bit for bit; a paper run as a backtest on the bars it saw. "
        "Exit code 0: identical; 1: not."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", help="A run's id, or as much of its beginning as is unique.")
        parser.add_argument("--json", action="store_true", help="The report as JSON on stdout.")

    def handle(self, *args: Any, run: str, **options: Any) -> None:
        from runs.verify import Cause, verify

        try:
            found = find_run(run)
            with Progress(self.stderr, quiet=options["json"]) as progress:
                report = verify(found, progress)
        except CracktraderError as error:
            raise CommandError(formats.printable(error)) from None
        if options["json"]:
            self.stdout.write(json.dumps(report.to_dict(), indent=2))
        else:
            self.stdout.write(f"{found.public_id} {report.verdict}")
            for difference in report.differences:
                style = str if difference.cause == Cause.VERSIONS else self.style.ERROR
                self.stdout.write(style(formats.printable(f"  {difference}")))
        if not report.identical:
            raise CommandError(formats.printable(report.verdict))
