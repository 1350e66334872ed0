"""Runs the ticker: looks after runs and workers until it is told to end."""

from __future__ import annotations

import logging
import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError, connections

from runs import sweeper

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Looks after runs whose worker died, stops that are not obeyed, workers that hang."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        memory = sweeper.Memory()
        while not stop.wait(sweeper.PERIOD_SECONDS):
            try:
                sweeper.sweep(memory)
            except DatabaseError:
                logger.exception("the ticker could not reach the database")
                connections.close_all()
                # Nor could those whom it would blame for their silence.
                memory = sweeper.Memory()
