"""What the WebSocket connections of this process were told, counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from runs.channels import Happening


@dataclass
class Traffic:
    """Only the event loop writes.  `lag_seconds`: summed over `events`, from each one's row."""

    events: int = 0
    messages: int = 0
    lag_seconds: float = 0.0

    def read(self, events: Sequence[Happening]) -> None:
        now = datetime.now(UTC)
        self.events += len(events)
        self.lag_seconds += sum(
            max((now - event.created_at).total_seconds(), 0.0) for event in events
        )


TRAFFIC = Traffic()
