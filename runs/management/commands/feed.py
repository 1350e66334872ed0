"""Runs the feed: asks venues for the bars that active runs wait for, until it is told to end."""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from runs.feeding import Feeder


class Command(BaseCommand):
    help = "Asks venues for closed bars of every market that a paper run trades."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        Feeder(stop).run()
