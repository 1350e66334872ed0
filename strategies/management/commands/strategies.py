from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from strategies import queries


class Command(BaseCommand):
    help = "Lists the strategies a run may ask for, with their parameters."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="as the API lists them")

    def handle(self, *args: Any, **options: Any) -> None:
        listing = queries.listing()
        if options["json"]:
            self.stdout.write(json.dumps({"strategies": listing}, indent=2))
            return
        for entry in listing:
            defaults = ", ".join(f"{k}={json.dumps(v)}" for k, v in entry["defaults"].items())
            self.stdout.write(f"{entry['name']:20}  {entry['kind']:9}  {defaults}")
            if entry["error"]:
                self.stdout.write(self.style.ERROR(f"{'':20}  {entry['error']}"))
