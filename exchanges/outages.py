"""What a loop that never ends does while the database is away: it waits, and says so once."""

from __future__ import annotations

import logging
import time

from django.db import Error, connections


class Outage:
    def __init__(self, logger: logging.Logger, who: str) -> None:
        """`who`: the loop, as its log calls it."""
        self._logger, self._who = logger, who
        self._since: float | None = None

    def note(self, error: Error) -> None:
        """The database failed; the next try connects anew."""
        connections.close_all()
        if self._since is None:
            self._since = time.monotonic()
            self._logger.error("%s could not reach the database, and goes on trying", self._who)
            self._logger.error("%s: %s", type(error).__name__, str(error).strip())

    def over(self) -> None:
        """The database answered."""
        if self._since is not None:
            seconds, self._since = time.monotonic() - self._since, None
            self._logger.warning("%s reaches the database again, after %.1f s", self._who, seconds)
