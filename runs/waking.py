"""PostgreSQL tells whoever follows the Events that some were committed.

Nothing is said with it: who is told, or has waited for long enough, reads the
table.  So a message that is lost, as where a pooler sits between, costs time only.
"""

from __future__ import annotations

import time
from typing import Any

from django.db import connection

CHANNEL = "cracktrader_events"
UNTOLD_SECONDS = 0.25
"""The longest wait without being told."""
_TOGETHER_SECONDS = 0.005


def wake() -> None:
    """Once the caller's transaction is committed, and however often it is called in it."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"NOTIFY {CHANNEL}")


class Sleeper:
    """Waits on the calling thread's own connection."""

    def __init__(self) -> None:
        self._heard_on: Any = None

    @property
    def can_be_woken(self) -> bool:
        # A pooler's session hears for whoever has it next, who would only collect that.
        pooled = connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS", False)
        return connection.vendor == "postgresql" and not pooled

    def listen(self) -> None:
        """What is committed from now on ends the next `sleep`."""
        connection.ensure_connection()
        if self._heard_on is not connection.connection:
            with connection.cursor() as cursor:
                cursor.execute(f"LISTEN {CHANNEL}")
            self._heard_on = connection.connection

    def sleep(self) -> None:
        """Until somebody wakes it, or for a while.  Raises django.db.Error."""
        with connection.wrap_database_errors:
            for _ in self._heard_on.notifies(timeout=UNTOLD_SECONDS, stop_after=1):
                # What else is just being committed is read with it.
                time.sleep(_TOGETHER_SECONDS)
