from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from strategies import services


class Command(BaseCommand):
    help = "Reads the catalogue and your own strategy files; broken ones are reported."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--strict", action="store_true", help="fail when a file is broken")

    def handle(self, *args: Any, **options: Any) -> None:
        report = services.sync_strategies()
        for outcome in ("added", "updated", "removed"):
            for name in getattr(report, outcome):
                self.stdout.write(f"{outcome:8}  {name}")
        for file, message in report.errors:
            self.stdout.write(self.style.ERROR(f"{'broken':8}  {file}: {message}"))
        good = len(report.added) + len(report.updated) + len(report.unchanged)
        self.stdout.write(f"{good} strategies, {len(report.errors)} broken files")
        if report.errors and options["strict"]:
            raise CommandError("there are broken strategy files")
