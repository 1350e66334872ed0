from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from exchanges import services
from exchanges.management.progress import one_line_errors


class Command(BaseCommand):
    help = "Adds a venue under a name of your own, or points one to another server."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="what `exchange` of a run will take")
        parser.add_argument("--ccxt", required=True, metavar="ID", help="e.g. binance")
        parser.add_argument("--url", default="", help="e.g. http://127.0.0.1:9000")
        parser.add_argument(
            "--drop-candles",
            action="store_true",
            help="delete the candles held of it, imported ones too, if its server changes",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with one_line_errors():
            services.sync_exchanges()
            exchange = services.add_exchange(
                options["name"],
                options["ccxt"],
                options["url"],
                drop_candles=options["drop_candles"],
            )
        where = exchange.base_url or "its own servers"
        self.stdout.write(f"{exchange.name}: {exchange.title} through ccxt, at {where}")
