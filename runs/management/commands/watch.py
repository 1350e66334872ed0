"""Follows a run: its events as they are written, whoever works on it."""

from __future__ import annotations

import os
import sys
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchanges.domain import CracktraderError
from runs import following, formats, narration
from runs.lookup import find_run
from runs.models import Event
from runs.terminal import Narrator


class Command(BaseCommand):
    help = "Follows a run's events until it is over; Ctrl-C ends the watching, not the run."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", help="A run's id, or as much of its beginning as is unique.")
        parser.add_argument(
            "--since", type=int, default=0, metavar="N", help="Only events after the Nth."
        )
        parser.add_argument("--json", action="store_true", help="One JSON object a line.")

    def handle(self, *args: Any, run: str, since: int, **options: Any) -> None:
        if since < 0:
            raise CommandError("--since must be at least 0")
        try:
            found = find_run(run)
        except CracktraderError as error:
            raise CommandError(formats.printable(error)) from None
        as_json = options["json"]
        try:
            with Narrator(self.stdout, silent=as_json) as narrator:
                for events in following.batches(found, since):
                    for event in events:
                        if as_json:
                            self.stdout.write(_json(event))
                        else:
                            told = narration.line(event.kind, event.data, event.created_at)
                            narrator.line(f"{event.seq:>6}  {told}", told.tone)
                    narrator.status(following.status_line(found))
                    self.stdout.flush()
                    if not events:
                        following.pause()
        except KeyboardInterrupt:
            self.stderr.write("No longer watching; the run goes on.", self.style.SUCCESS)
        except BrokenPipeError:
            # The reader has seen enough; the interpreter's own last flush must not complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _json(event: Event) -> str:
    """As the API shows it."""
    shown = {name: getattr(event, name) for name in ("seq", "kind", "data", "created_at")}
    return orjson.dumps(shown, option=orjson.OPT_UTC_Z).decode()
