"""Takes away what has piled up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import filesizeformat
from django.utils import timezone

from exchanges.management.progress import progress_bar

from .create_key import lifetime


class Command(BaseCommand):
    help = (
        "Deletes what nobody needs any more, while the desk goes on: files of results that no run "
        "names, replies, task records and sessions that are over, bars of feeds nobody uses. Old "
        "runs and sweeps only where it is said; live runs and the audit trail never."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Only say what would go.")
        parser.add_argument(
            "--older-than", type=lifetime, metavar="TIME", help="E.g. 90d: since they ended."
        )
        parser.add_argument(
            "--runs", action="store_true", help="Backtests and paper runs that ended before, too."
        )
        parser.add_argument("--sweeps", action="store_true", help="Sweeps that ended before, too.")

    def handle(
        self,
        *args: Any,
        dry_run: bool,
        older_than: timedelta | None,
        runs: bool,
        sweeps: bool,
        **options: Any,
    ) -> None:
        from cracktrader_site.pruning import prune

        if (runs or sweeps) != (older_than is not None):
            raise CommandError("--older-than goes with --runs, --sweeps or both")
        before = timezone.now() - older_than if older_than else None
        with progress_bar(options["verbosity"] == 0 or not self.stderr.isatty()) as tell:
            found = list(
                prune(
                    runs_before=before if runs else None,
                    sweeps_before=before if sweeps else None,
                    dry_run=dry_run,
                    tell=tell,
                )
            )
        done = "would be deleted" if dry_run else "deleted"
        for pile in found:
            size = "" if pile.size is None else f" ({filesizeformat(pile.size)})"
            self.stdout.write(f"{pile.count:,} {pile.what} {done}{size}")
