from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from exchanges import services


class Command(BaseCommand):
    help = "Writes the venues ccxt knows into the table, and the candle store's series. Offline."

    def handle(self, *args: Any, **options: Any) -> None:
        written = services.sync_exchanges()
        series = services.sync_series()
        self.stdout.write(f"{written or 'no'} exchanges updated, {series} candle series held")
