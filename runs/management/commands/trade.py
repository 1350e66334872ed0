"""Runs the trader: carries orders to the venues and their answers back, until it is told to end."""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from runs.trading.trader import Trader


class Command(BaseCommand):
    help = "Sends orders of live runs to their venues and follows what becomes of them."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        Trader(stop).run()
