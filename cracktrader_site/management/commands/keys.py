"""Lists the API keys."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand

from cracktrader_site.api.models import ApiKey
from runs.terminal import table

HEADERS = ("Name", "Prefix", "Scopes", "Created", "Last used", "Expires", "State")


class Command(BaseCommand):
    help = "Lists the API keys; what they begin with, never the keys themselves."

    def handle(self, *args: Any, **options: Any) -> None:
        rows = [
            (
                key.name,
                f"ct_{key.prefix}",
                ", ".join(key.scopes),
                _minute(key.created_at),
                _minute(key.last_used_at),
                _minute(key.expires_at),
                key.state,
            )
            for key in ApiKey.objects.all()
        ]
        if rows:
            self.stdout.write(table(HEADERS, rows))
        else:
            self.stderr.write("There are no keys; `manage.py create_key` makes one.")


def _minute(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else "never"
