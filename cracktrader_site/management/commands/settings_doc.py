"""Prints docs/settings.md."""

from typing import Any

from django.core.management.base import BaseCommand

from cracktrader_site import env


class Command(BaseCommand):
    help = "Prints the table of every setting, as docs/settings.md holds it."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(env.markdown(), ending="")
