"""Restores a backup."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchanges.domain import CracktraderError


class Command(BaseCommand):
    help = (
        "Puts what `backup` wrote in the place of an empty desk: all of it, or nothing. The "
        "database may be another kind than the backup's."
    )
    # There may be no database yet, or half a desk.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, nargs="?", metavar="FILE.tar")
        parser.add_argument(
            "--replace", action="store_true", help="Even where that destroys a desk."
        )
        parser.add_argument(
            "--check", action="store_true", help="Only say whether the file is whole."
        )
        parser.add_argument(
            "--forget",
            action="store_true",
            help="Go on with what was there, after a restore that broke off before it was gone.",
        )

    def handle(
        self,
        *args: Any,
        file: Path | None,
        replace: bool,
        check: bool,
        forget: bool,
        **options: Any,
    ) -> None:
        from cracktrader_site.backups import archive, making, restoring, unfinished

        if (file is None) is not forget:
            raise CommandError("Name the backup's file, or --forget")
        try:
            if file is None:
                unfinished.forget()
                self.stdout.write("The desk may start again.")
                return
            if check:
                with archive.opened(file) as backup:
                    found = backup.manifest
            else:
                found = restoring.restore(file, replace=replace)
        except CracktraderError as error:
            raise CommandError(error.message) from None
        self.stdout.write(
            f"{'Whole' if check else 'Restored'}: made {found.made_at} on {found.machine} "
            f"({found.database}), {found.rows} rows, {len(found.under(making.ARTIFACTS))} results"
        )
        if check:
            return
        if archive.SECRETS not in found.files:
            self.stdout.write("It held no secrets: see docs/backup.md for what that ends.")
        elif (settings.CRACKTRADER_HOME / "restored.env").exists():
            self.stdout.write(
                f"Its CRACKTRADER_CREDENTIALS_KEY is in {settings.CRACKTRADER_HOME}/restored.env: "
                "move it into the environment's file and delete that one."
            )
        from exchanges.models import Account

        if Account.objects.exists():
            self.stdout.write(
                "What happened at venues since then is not in these books. Each account is "
                "compared with its venue before anything is traded on it; orders and positions of "
                "runs that were started since the backup are unknown here: look at the venue. "
                "Never run the old desk beside this one."
            )
        for account in Account.objects.exclude(killed_at=None):
            self.stdout.write(
                f"{account} sends nothing until you have looked at its discrepancies and say "
                f"`manage.py release {account.public_id}`."
            )
