"""Makes a backup while the desk works."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchanges.domain import CracktraderError


class Command(BaseCommand):
    help = (
        "Writes the desk as it is at this moment into one file, while it goes on: records, "
        "results, your strategies. `restore` reads it, on SQLite and PostgreSQL alike."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "file",
            type=Path,
            metavar="FILE.tar",
            help="Or a folder: it is called desk-DATE.tar there, by the moment in UTC.",
        )
        parser.add_argument(
            "--with-candles", action="store_true", help="The candle store too; it can be large."
        )
        parser.add_argument(
            "--with-secrets",
            action="store_true",
            help="The secret key and CRACKTRADER_CREDENTIALS_KEY too: who has the file then signs "
            "orders in.",
        )

    def handle(
        self, *args: Any, file: Path, with_candles: bool, with_secrets: bool, **options: Any
    ) -> None:
        from cracktrader_site.backups import making

        if file.is_dir():
            file /= f"desk-{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}.tar"
        began = time.monotonic()
        try:
            made = making.make(file, with_candles=with_candles, with_secrets=with_secrets)
        except CracktraderError as error:
            raise CommandError(error.message) from None
        self.stdout.write(
            f"{file}: {made.rows} rows of {len(made.tables)} tables and "
            f"{len(made.under(making.ARTIFACTS))} results, {file.stat().st_size / 1e6:.1f} MB, "
            f"in {time.monotonic() - began:.1f} s"
        )
        if made.missing:
            self.stderr.write(
                f"{len(made.missing)} results that runs name are lost or damaged here already"
            )
        if with_secrets:
            self.stderr.write("It holds the secrets of this desk: keep it as you keep those.")
        else:
            self.stderr.write(
                "It lacks the secret key and CRACKTRADER_CREDENTIALS_KEY: without these, venue "
                "credentials and webhooks' secrets in it cannot be read. Keep them apart from it."
            )
