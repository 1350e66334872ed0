"""The queue hands out each message once, oldest first, and survives a database in trouble."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone
from django_q.models import OrmQ

from runs import broker
from runs.broker import LeanOrm

pytestmark = pytest.mark.django_db


def put(payload: str, key: str = "jobs", ago: float = 1.0) -> int:
    lock = timezone.now() - timedelta(seconds=ago)
    return OrmQ.objects.create(key=key, payload=payload, lock=lock).id


def test_messages_come_oldest_first_and_once() -> None:
    first, second = put("a", ago=1), put("b", ago=2)
    queue = LeanOrm("jobs")
    assert [queue.dequeue(), queue.dequeue(), queue.dequeue()] == [
        [(first, "a")],
        [(second, "b")],
        None,
    ]
    assert OrmQ.objects.get(id=first).lock > timezone.now()


def test_locked_messages_and_those_of_other_queues_are_left() -> None:
    put("locked", ago=-60)
    put("not ours", key="elsewhere")
    assert LeanOrm("jobs").dequeue() is None


def test_a_database_in_trouble_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = put("a")
    queue = LeanOrm("jobs")

    def locked(self: LeanOrm) -> bool:
        raise OperationalError("database is locked")

    monkeypatch.setattr(broker, "close_old_connections", lambda: None)
    with monkeypatch.context() as patch:
        patch.setattr(LeanOrm, "_anything", locked)
        assert queue.dequeue() is None
    assert queue.dequeue() == [(waiting, "a")]
