"""Lists the machines that share the database."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from exchanges import machines
from exchanges.models import Machine


class Command(BaseCommand):
    help = "Lists the machines that share this database; `--forget` strikes out one that is gone."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--forget", metavar="NAME", help="A machine that is not coming back.")

    def handle(self, *args: Any, forget: str | None, **options: Any) -> None:
        present = {machine.name for machine in machines.present()}
        if forget is not None:
            if forget in present:
                raise CommandError(f"Machine {forget} is at work; stop it first")
            if not Machine.objects.filter(name=forget).exists():
                raise CommandError(f"There is no machine {forget!r}")
            machines.forget([forget])
            self.stdout.write(f"{forget} is forgotten")
            return
        if not machines.several():
            self.stdout.write(f"{machines.HOST} works alone: its database is a file (DATABASE_URL)")
            return
        now = timezone.now()
        table = Table("Machine", "Seen", "Ticker", "Clock", "Code", "Since")
        for machine in Machine.objects.all():
            ticked = machine.ticked_at
            ticks = ticked is not None and now - ticked < machines.PRESENT
            table.add_row(
                machine.name + (" (this one)" if machine.name == machines.HOST else ""),
                f"{max((now - machine.seen_at).total_seconds(), 0):.0f} s ago",
                "yes" if ticks else "no",
                f"{machine.skew_seconds:+.1f} s",
                machine.versions.get("code", ""),
                f"{machine.started_at:%Y-%m-%d %H:%M}",
            )
        console = Console(file=self.stdout, markup=False)
        console.width = max(console.width, 110)
        console.print(table)
