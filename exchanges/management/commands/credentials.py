"""Makes keys, and adds, lists, removes and rotates venue credentials."""

from __future__ import annotations

import getpass
import json
import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Count
from django.views.decorators.debug import sensitive_variables
from rich.console import Console
from rich.table import Table

from exchanges import sealing
from exchanges.management.progress import one_line_errors
from exchanges.models import Credential, Exchange
from exchanges.services import credentials, get_exchange

WHO = "command"


class Command(BaseCommand):
    help = "Venue credentials: kept encrypted, given out to nobody."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        actions.add_parser("new-key", help="Prints a key for CRACKTRADER_CREDENTIALS_KEY.")
        add = actions.add_parser(
            "add",
            help="Keeps credentials under a name: asks for them, or reads a JSON object from stdin "
            "where that is no terminal.",
        )
        add.add_argument("name", metavar="NAME")
        add.add_argument("--exchange", required=True)
        add.add_argument("--sandbox", action="store_true", help="of the venue's test environment")
        add.add_argument(
            "--from-env",
            metavar="PREFIX",
            help="read PREFIX_APIKEY, PREFIX_SECRET, PREFIX_PASSWORD… from the environment",
        )
        actions.add_parser("list", help="Lists them, without what they hold.")
        remove = actions.add_parser("remove", help="Destroys one that no active run needs.")
        remove.add_argument("name", metavar="NAME")
        actions.add_parser(
            "rotate", help="Encrypts all anew under the first of CRACKTRADER_CREDENTIALS_KEY."
        )

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        with one_line_errors():
            if action == "new-key":
                self.stdout.write(sealing.new_key())
            elif action == "add":
                self._add(options)
            elif action == "list":
                self._list()
            elif action == "remove":
                credentials.remove(options["name"], WHO)
            else:
                self._rotate()

    @sensitive_variables("values")
    def _add(self, options: dict[str, Any]) -> None:
        # All that can be said before somebody looks for their keys.
        sealing.check_keys()
        credentials.check_name(options["name"])
        exchange = get_exchange(options["exchange"])
        credentials.check_sandbox(exchange, options["sandbox"])
        values = _read(exchange, options["from_env"])
        added = credentials.add(options["name"], exchange, values, options["sandbox"], WHO)
        sandbox = ", sandbox" if added.sandbox else ""
        self.stdout.write(f"{added.name}: {', '.join(sorted(values))} of {exchange.name}{sandbox}")

    def _list(self) -> None:
        found = Credential.objects.select_related("exchange").annotate(used=Count("accounts"))
        if not found:
            self.stderr.write("There are no credentials.", self.style.NOTICE)
            return
        table = Table("Name", "Exchange", "Sandbox", "Accounts", "Created", "By", "State")
        for credential in found.defer("exchange__markets"):
            table.add_row(
                credential.name or "(came with a run)",
                credential.exchange.name,
                "yes" if credential.sandbox else "no",
                str(credential.used),
                f"{credential.created_at:%Y-%m-%d %H:%M}",
                credential.created_by,
                credentials.state(credential),
            )
        console = Console(file=self.stdout, markup=False)
        console.width = max(console.width, 120)
        console.print(table)

    def _rotate(self) -> None:
        done = credentials.rotate(WHO)
        self.stdout.write(f"{done.rotated} encrypted under the first key")
        if done.unreadable:
            raise CommandError(
                f"No key fits {', '.join(done.unreadable)}: add the key they were encrypted with "
                "and rotate again, or remove them"
            )


@sensitive_variables()
def _read(exchange: Exchange, prefix: str | None) -> dict[str, Any]:
    """Never from the command line: others on this machine can read that."""
    if prefix is not None:
        names = {key: f"{prefix.rstrip('_')}_{key.upper()}" for key in credentials.CREDENTIAL_KEYS}
        return {key: os.environ[name] for key, name in names.items() if os.environ.get(name)}
    if sys.stdin.isatty():
        if not exchange.credentials:
            raise credentials.missing_values(exchange)
        return {key: getpass.getpass(f"{key}: ") for key in exchange.credentials}
    try:
        values = json.loads(sys.stdin.read())
    except ValueError:
        values = None
    if not isinstance(values, dict):
        expected = ", ".join(f'"{key}": "…"' for key in exchange.credentials)
        raise CommandError(f"Expected a JSON object on stdin: {{{expected}}}")
    return values
