"""Django's own, one machine at a time."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import migrate

from cracktrader_site import joining


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        with joining.in_turn():
            super().handle(*args, **options)
