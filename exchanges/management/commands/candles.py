from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand
from rich.console import Console
from rich.table import Table

from exchanges import queries
from exchanges.management.progress import one_line_errors, show_date
from exchanges.market_store import SeriesInfo


class Command(BaseCommand):
    help = "Shows which candles are held, and where the venues' own data has gaps."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--exchange", help="only this one")
        parser.add_argument("--gaps", action="store_true", help="list every gap")
        parser.add_argument("--json", action="store_true", help="print everything as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        with one_line_errors():
            if options["exchange"]:
                queries.find_exchange(options["exchange"])
            held = queries.coverage(options["exchange"])
        if options["json"]:
            self.stdout.write(json.dumps([_plain(info) for info in held], indent=2))
            return
        if not held:
            self.stdout.write("no candles held; see fetch_candles and import_candles")
            return
        table = Table("exchange", "symbol", "timeframe", "candles", "first", "last", "gaps")
        for info in held:
            gaps = f"{len(info.gaps)} ({sum(gap.bars for gap in info.gaps)} candles)"
            table.add_row(
                info.key.exchange,
                info.key.symbol,
                info.key.timeframe.name,
                f"{info.rows:,}",
                show_date(info.first_ms),
                show_date(info.last_ms),
                gaps if info.gaps else "none",
            )
        console = Console(file=self.stdout)
        console.width = max(console.width, 100)
        console.print(table)
        if options["gaps"]:
            for info in held:
                for gap in info.gaps:
                    self.stdout.write(
                        f"{info.key}: {show_date(gap.start)} to {show_date(gap.end)}, "
                        f"{gap.bars} candles"
                    )


def _plain(info: SeriesInfo) -> dict[str, Any]:
    return {
        "exchange": info.key.exchange,
        "symbol": info.key.symbol,
        "timeframe": info.key.timeframe.name,
        "rows": info.rows,
        "first_ms": info.first_ms,
        "last_ms": info.last_ms,
        "covered": info.covered,
        "gaps": [asdict(gap) for gap in info.gaps],
    }
