"""What is in the task queue, be it in the database or in Redis."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django_q.brokers import get_broker
from django_q.models import OrmQ
from django_q.signing import SignedPackage

CLUSTERS = ("jobs", "live")


def waiting(cluster: str | None = None) -> list[dict[str, Any]]:
    """The messages of one cluster, or of both, as tasks."""
    names = CLUSTERS if cluster is None else (cluster,)
    if not settings.REDIS_URL:
        rows = OrmQ.objects.filter(key__in=names).order_by("id")
        return [SignedPackage.loads(row.payload) | {"cluster": row.key} for row in rows]
    redis = get_broker().connection
    return [
        SignedPackage.loads(payload) | {"cluster": name}
        for name in names
        for payload in redis.lrange(f"cracktrader:queue:{name}", 0, -1)
    ]


def count(cluster: str | None = None) -> int:
    return len(waiting(cluster))


def put(cluster: str) -> None:
    """One that nobody sent."""
    get_broker(cluster).enqueue("")


def clear() -> None:
    if settings.REDIS_URL:
        get_broker().connection.flushdb()
    else:
        OrmQ.objects.all().delete()
