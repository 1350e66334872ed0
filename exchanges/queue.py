"""What waits in the task queue, wherever that is kept."""

from __future__ import annotations

from datetime import datetime

from django_q.brokers import get_broker


def waiting(cluster: str) -> int | None:
    """Messages that no worker of that name has taken yet; None where the queue cannot be asked."""
    found: int | None = get_broker(cluster).queue_size()
    return found


def oldest(cluster: str) -> datetime | None:
    """When the message that is taken next was sent; None where none waits."""
    found: datetime | None = get_broker(cluster).oldest()
    return found
