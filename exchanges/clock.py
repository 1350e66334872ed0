"""The clock on the wall."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SystemClock:
    """A `ports.Clock`; all of them are equal."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000
