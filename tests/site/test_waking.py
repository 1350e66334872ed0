"""PostgreSQL wakes the thread that follows the Events."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction

from runs import recorder, waking
from runs.channels import Happening
from runs.models import Run
from runs.streaming.tail import Tailer
from tests.runs.factory import make_run

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite wakes nobody"),
]


class Follower:
    def __init__(self) -> None:
        self.ready, self.told = threading.Event(), threading.Condition()
        self.seen: list[Happening] = []
        self.tailer = Tailer(self.ready.set, self._hand)
        self.tailer.start()
        assert self.ready.wait(10)

    def _hand(self, events: list[Happening]) -> bool:
        with self.told:
            self.seen += events
            self.told.notify()
        return True

    def wait(self, count: int, seconds: float = 10) -> None:
        with self.told:
            assert self.told.wait_for(lambda: len(self.seen) >= count, seconds)


@pytest.fixture
def follower(monkeypatch: Any) -> Iterator[Follower]:
    # So long that nothing but being woken can be in time.
    monkeypatch.setattr(waking, "UNTOLD_SECONDS", 60.0)
    follower = Follower()
    yield follower
    follower.tailer.stop()
    with connection.cursor() as cursor:
        cursor.execute(f"NOTIFY {waking.CHANNEL}")
    follower.tailer._thread.join(10)
    assert not follower.tailer._thread.is_alive()


def append(run: Run, kind: str) -> None:
    with transaction.atomic():
        recorder.append(run.id, kind)


def test_an_event_is_told_when_it_is_committed(follower: Follower) -> None:
    run = make_run()
    before = len(follower.seen)
    for number in range(5):
        time.sleep(0.05)
        append(run, f"log.{number}")
        follower.wait(before + number + 1, 5)
    assert [event.kind for event in follower.seen[before:]] == [f"log.{n}" for n in range(5)]


def test_what_is_rolled_back_wakes_nobody(follower: Follower) -> None:
    run = make_run()
    before = len(follower.seen)
    with transaction.atomic():
        recorder.append(run.id, "log.never")
        transaction.set_rollback(True)
    append(run, "log.once")
    follower.wait(before + 1)
    assert [event.kind for event in follower.seen[before:]] == ["log.once"]


def test_a_connection_that_was_cut_is_made_anew_and_nothing_is_missed(follower: Follower) -> None:
    run = make_run()
    before = len(follower.seen)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert cursor.rowcount >= 1
    append(run, "log.meanwhile")
    follower.wait(before + 1)
    append(run, "log.after")
    follower.wait(before + 2)


def test_without_being_woken_it_looks_now_and_then(monkeypatch: Any) -> None:
    monkeypatch.setattr(recorder.waking, "wake", lambda: None)
    follower = Follower()
    run = make_run()
    append(run, "log.unheard")
    follower.wait(1)
    follower.tailer.stop()
    follower.tailer._thread.join(10)
