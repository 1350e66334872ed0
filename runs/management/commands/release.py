"""Takes a venue account's kill switch back."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from exchanges.management.progress import one_line_errors
from exchanges.services import accounts
from runs.trading import desk


class Command(BaseCommand):
    help = "Releases a venue account's kill switch: orders pass again; no run is started."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("account", metavar="ACCOUNT", help="an account's id, or its beginning")

    def handle(self, *args: Any, **options: Any) -> None:
        with one_line_errors():
            account = accounts.find_account(options["account"])
            released = desk.release(account, "command")
        said = "released; orders pass again" if released else "was not killed"
        self.stdout.write(f"{account}: {said}.")
