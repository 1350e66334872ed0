"""Throws a venue account's kill switch."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from exchanges.management.progress import one_line_errors
from exchanges.services import accounts
from runs.trading import desk
from runs.trading.killing import STEPS


class Command(BaseCommand):
    help = (
        "Throws a venue account's kill switch: its runs and people place no order any more. "
        "Without a step all three are carried out; a running desk cancels and sells."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("account", metavar="ACCOUNT", help="an account's id, or its beginning")
        parser.add_argument("--block", action="store_true", help="Send nothing any more.")
        parser.add_argument("--cancel", action="store_true", help="And take back what rests there.")
        parser.add_argument("--flatten", action="store_true", help="And sell what the runs hold.")
        parser.add_argument("--reason", default="", metavar="TEXT")

    def handle(self, *args: Any, **options: Any) -> None:
        steps = [step for step in STEPS if options[step]] or list(STEPS)
        with one_line_errors():
            account = accounts.find_account(options["account"])
            answer = desk.kill(account, steps, "command", options["reason"])
        account.refresh_from_db(fields=["kill"])
        self.stdout.write(f"{account}: takes no order of this desk any more.")
        for order in answer["unknown"]:
            self.stderr.write(f"It is not known whether the venue took {order}.", self.style.ERROR)
        if account.kill.get("under_way"):
            rest = [step for step in account.kill["steps"] if step not in account.kill["done"]]
            self.stdout.write(f"Under way in the trader: {', '.join(rest)}.")
