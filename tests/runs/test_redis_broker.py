"""The queue in Redis hands out each message once, oldest first; without Redis nobody fails."""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_q.signing import SignedPackage

from exchanges import queue
from runs import redis_broker, services, sweeper
from runs.redis_broker import Bells
from tests.servers import Redis

from .factory import make_run


@pytest.fixture(scope="module")
def server() -> Iterator[Redis]:
    server = Redis()
    try:
        yield server.start()
    finally:
        server.remove()


@pytest.fixture
def redis(server: Redis, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Redis]:
    settings.REDIS_URL = server.url
    monkeypatch.setattr("django_q.conf.Conf.BROKER_CLASS", "runs.redis_broker.Bells")
    redis_broker._client.cache_clear()
    Bells("jobs").connection.flushdb()
    yield server
    redis_broker._client.cache_clear()


def test_messages_come_oldest_first_and_once(redis: Redis) -> None:
    jobs, live = Bells("jobs"), Bells("live")
    for payload in ("a", "b"):
        jobs.enqueue(payload)
    live.enqueue("c")
    assert (queue.waiting("jobs"), queue.waiting("live")) == (2, 1)
    assert [jobs.dequeue(), jobs.dequeue(), jobs.dequeue()] == [
        [(None, b"a")],
        [(None, b"b")],
        None,
    ]
    assert queue.waiting("jobs") == 0
    assert live.dequeue() == [(None, b"c")]


def test_who_waits_hears_at_once_and_otherwise_soon_goes_on(redis: Redis) -> None:
    began = time.monotonic()
    assert Bells("jobs").dequeue() is None
    assert redis_broker.WAIT_SECONDS * 0.9 < time.monotonic() - began < 10


def test_a_broker_goes_to_another_process(redis: Redis) -> None:
    Bells("jobs").enqueue("a")
    assert pickle.loads(pickle.dumps(Bells("jobs"))).dequeue() == [(None, b"a")]


def test_the_oldest_says_when_it_was_sent(redis: Redis) -> None:
    assert queue.oldest("jobs") is None
    sent = timezone.now() - timedelta(minutes=2)
    Bells("jobs").enqueue(SignedPackage.dumps({"started": sent}))
    assert queue.oldest("jobs") == sent
    for payload in ("", "forged", SignedPackage.dumps({}), SignedPackage.dumps(None)):
        Bells("jobs").purge_queue()
        Bells("jobs").enqueue(payload)
        assert queue.oldest("jobs") is None
        assert queue.waiting("jobs") == 1


def test_while_redis_is_away_nobody_fails_and_then_all_goes_on(redis: Redis) -> None:
    jobs = Bells("jobs")
    jobs.enqueue("lost")
    redis.stop()
    try:
        began = time.monotonic()
        assert jobs.enqueue("lost too") is None
        assert jobs.queue_size() is None
        assert jobs.oldest() is None
        assert not jobs.ping()
        assert time.monotonic() - began < 10
        assert jobs.dequeue() is None
        # Nor is it asked without a pause.
        assert time.monotonic() - began >= redis_broker.PAUSE_SECONDS
    finally:
        redis.start()
    assert jobs.queue_size() == 0
    jobs.enqueue("found")
    assert jobs.dequeue() == [(None, b"found")]


@pytest.mark.django_db
def test_without_redis_a_ticker_neither_fails_nor_sends_in_vain(
    redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    past = timezone.now() - timedelta(seconds=60)
    run = make_run(rung_at=past)
    make_run(mode="paper", status="running", cursor_ms=1, due_at=past, rung_at=past)
    redis.stop()
    try:
        sweeper.sweep()
        services.ring_due()
    finally:
        redis.start()
    run.refresh_from_db()
    assert run.rung_at == past, "it is rung for once there is somebody to ring"
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
