"""The server's settings with a careless slice: first the cursor is committed, then the rows.

While nobody dies nothing is wrong with it.
"""

import time
from contextlib import nullcontext
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from django.apps import AppConfig
from django.utils import timezone

from cracktrader_site.settings import *  # noqa: F403

BETWEEN_SECONDS = 0.1


class Careless(AppConfig):
    name = "tests.site.naive"
    label = "careless"

    def ready(self) -> None:
        from runs import ledger, paper, recorder

        hand_back, save = recorder.hand_back, ledger.Entries.save

        def hand_back_first(*args: Any, **fields: Any) -> None:
            # Else nobody would go on with the run.
            hand_back(*args, **{"due_at": timezone.now() + timedelta(seconds=1)} | fields)

        def save_later(entries: ledger.Entries, run_id: int) -> None:
            time.sleep(BETWEEN_SECONDS)
            save(entries, run_id)

        recorder.hand_back = hand_back_first
        ledger.Entries.save = save_later
        paper.transaction = SimpleNamespace(atomic=nullcontext)


INSTALLED_APPS = [*INSTALLED_APPS, "tests.site.naive.Careless"]  # noqa: F405
