"""Makes an API key."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from cracktrader_site.api import audit, keys
from exchanges.domain import CracktraderError

_UNITS = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}


def lifetime(text: str) -> timedelta:
    """`90d`, `12h` or `30m`."""
    found = re.fullmatch(r"([1-9][0-9]{0,5})([dhm])", text)
    if found is None:
        raise ArgumentTypeError(f"{text!r} is no time such as 90d, 12h or 30m")
    return int(found[1]) * _UNITS[found[2]]


class Command(BaseCommand):
    help = "Makes an API key and prints it, once: only its hash is kept."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME")
        parser.add_argument(
            "--scopes", required=True, help=f"What it may do, of {','.join(keys.SCOPES)}."
        )
        parser.add_argument(
            "--expires", type=lifetime, metavar="TIME", help="E.g. 90d, 12h; default: never."
        )
        parser.add_argument("--quiet", action="store_true", help="Print the key and nothing else.")

    @sensitive_variables("text")
    def handle(
        self,
        *args: Any,
        name: str,
        scopes: str,
        expires: timedelta | None,
        quiet: bool,
        **options: Any,
    ) -> None:
        wanted = [scope.strip() for scope in scopes.split(",") if scope.strip()]
        until = timezone.now() + expires if expires is not None else None
        try:
            key, text = keys.create(name, wanted, audit.COMMAND, until)
        except CracktraderError as error:
            raise CommandError(error.message) from None
        if not quiet:
            self.stderr.write(
                f"Key {key.name} may {', '.join(key.scopes)}. It is never shown again:"
            )
        self.stdout.write(text)
        if not (quiet or settings.AUTH):
            self.stderr.write("The server asks for keys from CRACKTRADER_AUTH=1 on.")
