"""The task queue in Redis, for several machines.

A bell that Redis loses costs time only (the ticker rings again), so nothing here
raises: who sends while Redis is away goes on, who waits for messages waits.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django_q.brokers import Broker
from django_q.signing import BadSignature, SignedPackage

from . import canary

if TYPE_CHECKING:
    from redis import Redis

logger = logging.getLogger(__name__)

WAIT_SECONDS = 0.25
PAUSE_SECONDS = 0.5
TIMEOUT_SECONDS = 2.0
_TOLD_EVERY = 10.0
_told = 0.0


@lru_cache(maxsize=1)
def _client(url: str) -> Redis:
    """One pool a process; it notices a fork."""
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    # Once more, for a connection that a restart of Redis has cut.
    return redis.Redis.from_url(
        url,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 1),
    )


class Bells(Broker):
    """First in, first out, a list a cluster; a message that was taken is gone."""

    connection: Redis

    def __init__(self, list_key: str | None = None) -> None:
        super().__init__(list_key)
        self._list = f"cracktrader:queue:{self.list_key}"

    def __setstate__(self, state: Any) -> None:
        super().__setstate__(state)
        self._list = f"cracktrader:queue:{self.list_key}"

    def enqueue(self, task: str) -> int | None:
        """None where Redis is away."""
        return self._asked("rpush", self._list, task)

    def dequeue(self) -> Sequence[tuple[None, bytes | str]] | None:
        if question := canary.due():
            return question
        began = time.monotonic()
        found = self._asked("blpop", [self._list], WAIT_SECONDS)
        if found is None:
            # It waited in vain, or there is nothing that could be waited for.
            time.sleep(0.0 if time.monotonic() - began >= WAIT_SECONDS else PAUSE_SECONDS)
            return None
        return [(None, found[1])]

    def queue_size(self) -> int | None:
        """None where Redis is away."""
        return self._asked("llen", self._list)

    def oldest(self) -> datetime | None:
        """When the message that is taken next was sent."""
        message = self._asked("lindex", self._list, 0)
        try:
            sent: datetime = SignedPackage.loads(message)["started"]
        except (BadSignature, TypeError, KeyError):
            return None
        return sent

    def lock_size(self) -> int:
        return 0

    def purge_queue(self) -> int | None:
        return self._asked("delete", self._list)

    delete_queue = purge_queue

    def ping(self) -> bool:
        return bool(self._asked("ping"))

    def info(self) -> str:
        return "Redis"

    @staticmethod
    def get_connection(list_key: str | None = None) -> Redis:
        return _client(settings.REDIS_URL)

    def _asked(self, command: str, *args: Any) -> Any:
        import redis

        try:
            return getattr(self.connection, command)(*args)
        except (redis.RedisError, OSError) as error:
            _tell(error)
            return None


def _tell(error: Exception) -> None:
    global _told
    if time.monotonic() - _told > _TOLD_EVERY:
        _told = time.monotonic()
        logger.warning("the task queue in Redis cannot be reached: %s", error)
