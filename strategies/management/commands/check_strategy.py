from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from exchanges.domain import CracktraderError
from strategies import services
from strategies.findings import CheckReport


class Command(BaseCommand):
    help = (
        "Looks for lookahead (by prefixes), too short a warm-up (by later starts) and "
        "other flaws in a strategy. Exit code 1 when one is found."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the strategy's name")
        parser.add_argument("--params", default="{}", help="parameters as a JSON object")
        parser.add_argument(
            "--candles",
            type=Path,
            action="append",
            help="CSV with timestamp (ms), open, high, low, close, volume; repeat for more "
            "symbols. Made-up candles without it",
        )
        parser.add_argument("--json", action="store_true", help="the report as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            values = json.loads(options["params"])
        except ValueError as error:
            raise CommandError(f"--params is not JSON: {error}", returncode=2) from None
        try:
            report = self._check(options["name"], values, options["candles"])
        except CracktraderError as error:
            details = json.dumps(error.details, default=str)
            raise CommandError(f"{error} {details}", returncode=2) from None
        if options["json"]:
            self.stdout.write(json.dumps(report.to_dict(), indent=2))
        else:
            self._print(report)
        if not report.passed:
            sys.exit(1)

    def _check(self, name: str, values: Any, candles: list[Path] | None) -> CheckReport:
        from strategies.csv_bars import read_csv

        version = services.get_version(name)
        if not candles:
            return services.check_on_synthetic(version, values)
        series = [read_csv(path, f"FILE{i}/USDT") for i, path in enumerate(candles, 1)]
        return services.check_strategy(version, values, series)

    def _print(self, report: CheckReport) -> None:
        self.stdout.write(
            f"{report.strategy} {json.dumps(report.params)}: {report.bars} bars, "
            f"warm-up {report.warmup}, {report.decisions} decisions, "
            f"{report.comparisons} comparisons"
        )
        for note in report.notes:
            self.stdout.write(self.style.WARNING(f"note: {note}"))
        for finding in report.findings:
            symbol = f"{finding.symbol} " if finding.symbol else ""
            self.stdout.write(self.style.ERROR(f"{finding.kind}: {symbol}{finding.message}"))
        if report.passed:
            self.stdout.write(self.style.SUCCESS("nothing found"))
