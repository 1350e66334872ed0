"""Ends an API key."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cracktrader_site.api import audit, keys
from cracktrader_site.api.models import ApiKey


class Command(BaseCommand):
    help = "Ends an API key for good; its runs go on, and stay in the record."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        key = ApiKey.objects.filter(name=name).first()
        if key is None:
            raise CommandError("There is no key of this name; `manage.py keys` lists them.")
        if keys.revoke(key, audit.COMMAND):
            self.stdout.write(f"Key {key.name} is revoked.")
        else:
            self.stdout.write(f"Key {key.name} was revoked before.")
