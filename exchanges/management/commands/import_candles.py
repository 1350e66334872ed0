from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from exchanges import services
from exchanges.management.progress import one_line_errors, progress_bar, show_date


class Command(BaseCommand):
    help = "Brings in candles from a CSV, Parquet or (freqtrade's) Feather file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file")
        parser.add_argument("--exchange", required=True)
        parser.add_argument("--symbol", required=True, help="e.g. BTC/USDT")
        parser.add_argument("--timeframe", required=True, help="e.g. 1h")
        parser.add_argument("--json", action="store_true", help="print the outcome as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        with one_line_errors(), progress_bar(options["json"]) as on_progress:
            report = services.import_candles(
                options["file"],
                options["exchange"],
                options["symbol"],
                options["timeframe"],
                on_progress,
            )
        if options["json"]:
            self.stdout.write(json.dumps(report.to_dict(), indent=2))
            return
        self.stdout.write(
            f"{report.accepted} of {report.rows} rows accepted, {report.changed} of them new: "
            f"{show_date(report.first_ms)} to {show_date(report.last_ms)}"
        )
        if report.duplicates:
            self.stdout.write(f"{report.duplicates} rows repeated a time; the last one counts")
        for reason, count in report.rejected.items():
            self.stdout.write(self.style.WARNING(f"{count} rows rejected: {reason}"))
        self.stdout.write(f"{report.gaps} gaps, {report.missing_bars} candles missing in them")
