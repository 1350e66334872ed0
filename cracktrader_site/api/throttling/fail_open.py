"""What happens when requests cannot be counted: all are let in.

A throttle that is out of order must not stand between a trader and the kill switch.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from .sliding_log import Limit, Store, StoreFailed, Verdict, verdict

logger = logging.getLogger(__name__)

# So long nobody waits for a store that failed.
REST_SECONDS = 2.0
WARN_EVERY_SECONDS = 60.0


class FailOpen:
    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store, self._clock = store, clock
        self._asked_again_at = self._warned_again_at = float("-inf")

    def hit(self, limits: Sequence[Limit]) -> Verdict | None:
        """The verdict on a request; None: nobody knows, let it pass."""
        if self._clock() < self._asked_again_at:
            return None
        try:
            return verdict(limits, self._store.hit(limits))
        except StoreFailed as error:
            now = self._clock()
            self._asked_again_at = now + REST_SECONDS
            if now >= self._warned_again_at:
                self._warned_again_at = now + WARN_EVERY_SECONDS
                logger.warning("requests pass uncounted, the store of rates fails: %s", error)
            return None
