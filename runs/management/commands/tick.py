"""Runs the ticker: looks after runs and workers until it is told to end."""

from __future__ import annotations

import logging
import signal
import threading
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import Error

from exchanges import machines
from exchanges.outages import Outage
from runs import sweeper

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Looks after runs whose worker died, stops that are not obeyed, workers that hang."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        outage = Outage(logger, "the ticker")
        memory, stays = sweeper.Memory(), machines.Stay(ticks=True)
        while not stop.wait(sweeper.PERIOD_SECONDS):
            try:
                if stays.renewed():
                    sweeper.sweep(memory)
                outage.over()
            except ImproperlyConfigured as error:
                raise CommandError(str(error)) from None
            except Error as error:
                outage.note(error)
                # Nor could those whom it would blame for their silence.
                memory = sweeper.Memory()
