"""Lists the accounts traded on, and sets what is not allowed on them."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from rich.console import Console
from rich.table import Table

from exchanges.exact import plain
from exchanges.management.progress import one_line_errors
from exchanges.models import Account
from exchanges.services import accounts

WHO = "command"
NONE = "none"


class Command(BaseCommand):
    help = "Lists venue accounts with their guards; `limit` sets these."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", metavar="ACTION")
        actions.add_parser("list", help="Lists them; so does no action.")
        limit = actions.add_parser("limit", help="Sets guards; `none` takes one away.")
        limit.add_argument("id", metavar="ID", help="an account's id, or its beginning")
        for name in accounts.LIMITS:
            field = Account._meta.get_field(name)
            limit.add_argument(
                f"--{name.replace('_', '-')}",
                metavar="N",
                help=str(field.help_text).replace("%", "%%"),
            )

    def handle(self, *args: Any, **options: Any) -> None:
        with one_line_errors():
            if options.get("action") == "limit":
                account = accounts.find_account(options["id"])
                given = {name: options[name] for name in accounts.LIMITS if options[name]}
                limits = {name: None if text == NONE else text for name, text in given.items()}
                accounts.set_limits(account, limits, WHO)
                self.stdout.write(f"{account}: {_guards(account) or 'no guards'}")
            else:
                self._list()

    def _list(self) -> None:
        found = Account.objects.select_related("exchange").defer("exchange__markets")
        if not found:
            self.stderr.write("There are no accounts: a live run makes one.", self.style.NOTICE)
            return
        table = Table("Id", "Exchange", "Sandbox", "State", "Guards", "Killed", "Paused until")
        for account in found:
            paused = account.paused_until
            table.add_row(
                str(account.public_id)[:8],
                account.exchange.name,
                "yes" if account.sandbox else "no",
                accounts.state(account),
                _guards(account) or "none",
                f"{account.killed_at:%Y-%m-%d %H:%M}" if account.killed_at else "no",
                f"{paused:%Y-%m-%d %H:%M:%S}" if paused and accounts.is_paused(account) else "no",
            )
        console = Console(file=self.stdout, markup=False)
        console.width = max(console.width, 140)
        console.print(table)


def _guards(account: Account) -> str:
    values = {name: getattr(account, name) for name in accounts.LIMITS}
    return ", ".join(
        f"{name.replace('_', ' ')} {value if isinstance(value, int | float) else plain(value)}"
        for name, value in values.items()
        if value is not None
    )
