from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from exchanges import queries, services
from exchanges.management.progress import (
    one_line_errors,
    parse_date,
    progress_bar,
    show_date,
)


class Command(BaseCommand):
    help = "Downloads candles that are not held yet, up to the last closed one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("exchange")
        parser.add_argument("symbol", help="e.g. BTC/USDT; several are joined by commas")
        parser.add_argument("timeframe", help="e.g. 1h")
        parser.add_argument(
            "--start", required=True, help="2024-01-01 (UTC) or 2024-01-01T12:00:00Z"
        )
        parser.add_argument("--end", help="not included; default: now")
        parser.add_argument("--json", action="store_true", help="print the outcome as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        start = parse_date(options["start"])
        end = parse_date(options["end"]) if options["end"] else queries.clock().now_ms()
        if start >= end:
            raise CommandError("the start must be before the end")
        symbols = options["symbol"].split(",")
        with one_line_errors(), progress_bar(options["json"]) as on_progress:
            series = services.ensure_bars(
                options["exchange"],
                symbols,
                options["timeframe"],
                start,
                end,
                on_progress=on_progress,
            )
        outcome = [
            {
                "symbol": bars.symbol,
                "timeframe": bars.timeframe.name,
                "rows": len(bars),
                "first_ms": int(bars.time[0]) if len(bars) else None,
                "last_ms": int(bars.time[-1]) if len(bars) else None,
                "gaps": sum(1 for _ in bars.gaps()),
            }
            for bars in series
        ]
        if options["json"]:
            self.stdout.write(json.dumps(outcome, indent=2))
            return
        for row in outcome:
            self.stdout.write(
                f"{row['symbol']} {row['timeframe']}: {row['rows']} candles, "
                f"{show_date(row['first_ms'])} to {show_date(row['last_ms'])}, {row['gaps']} gaps"
            )
