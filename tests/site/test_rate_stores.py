"""The sliding log in its stores: exact over processes, at its edges, and when a store fails."""

from __future__ import annotations

import logging
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis as redis_client
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given, settings
from hypothesis import strategies as st

from cracktrader_site import env
from cracktrader_site.api.throttling import file_store
from cracktrader_site.api.throttling.fail_open import REST_SECONDS, FailOpen
from cracktrader_site.api.throttling.file_store import FileStore
from cracktrader_site.api.throttling.redis_store import RedisStore
from cracktrader_site.api.throttling.sliding_log import Limit, StoreFailed, verdict
from tests.desk import free_port
from tests.site import rates
from tests.site.rates import SECOND, Clock, passes

KEY = Limit("key", 100)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[FileStore]:
    with_clock = FileStore(tmp_path / "rates.sqlite3", clock)
    yield with_clock
    with_clock.close()


# --- exactly --------------------------------------------------------------------------------


def test_of_640_requests_of_eight_processes_exactly_100_pass(tmp_path):
    assert rates.hammer(rates.in_a_file, str(tmp_path / "rates.sqlite3")) == 100


def test_a_throttle_that_reads_and_then_writes_lets_more_through(tmp_path):
    # What the test above would find, were the log not asked and written in one step.
    assert rates.hammer(rates.carelessly, str(tmp_path)) > 100


def test_threads_are_no_different(tmp_path):
    store = FileStore(tmp_path / "rates.sqlite3")
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: passes(store), range(640))) == 100
    store.close()


MINUTES = st.lists(
    st.one_of(
        st.integers(0, 3 * SECOND),
        st.integers(59 * SECOND, 61 * SECOND),
        st.sampled_from([0, 1, 60 * SECOND - 1, 60 * SECOND, 60 * SECOND + 1]),
    ),
    min_size=1,
    max_size=60,
)


@given(MINUTES, st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_no_60_seconds_ever_hold_more_and_none_is_refused_for_nothing(tmp_path_factory, gaps, most):
    clock = Clock()
    store = FileStore(tmp_path_factory.mktemp("log") / "rates.sqlite3", clock)
    passed: list[int] = []
    for gap in gaps:
        clock.ns += gap
        in_window = sum(at >= clock.ns - 60 * SECOND for at in passed)
        assert passes(store, Limit("key", most)) == (in_window < most)
        if in_window < most:
            passed.append(clock.ns)
    store.close()
    for first, last in zip(passed, passed[most:], strict=False):
        assert last - first > 60 * SECOND


@given(MINUTES, st.integers(1, 6))
@settings(max_examples=40, deadline=None)
def test_who_waits_as_long_as_is_said_passes_and_a_second_less_is_too_little(
    tmp_path_factory, gaps, most
):
    clock = Clock()
    store = FileStore(tmp_path_factory.mktemp("log") / "rates.sqlite3", clock)
    limits = [Limit("key", most)]
    for gap in gaps:
        clock.ns += gap
        said = verdict(limits, store.hit(limits))
        if said.retry_in is not None:
            assert 1 <= said.retry_in <= 61
            clock.wait(said.retry_in - 1)
            assert not passes(store, *limits)
            clock.wait(1)
            assert passes(store, *limits)
    store.close()


def test_the_edge_of_a_minute_lets_nothing_more_through(store, clock):
    clock.wait(59)
    assert sum(passes(store) for _ in range(200)) == 100
    clock.wait(2)
    assert sum(passes(store) for _ in range(200)) == 0
    clock.wait(58.001)
    assert sum(passes(store) for _ in range(200)) == 100


def test_all_limits_of_a_request_admit_it_or_none_is_charged(store):
    wide, narrow = Limit("wide", 10), Limit("narrow", 2)
    assert [passes(store, wide, narrow) for _ in range(5)] == [True, True, False, False, False]
    assert sum(passes(store, wide) for _ in range(20)) == 8
    assert not passes(store, Limit("new", 5), wide)
    assert sum(passes(store, Limit("new", 5)) for _ in range(10)) == 5


def test_a_verdict_speaks_of_the_tightest_limit(store, clock):
    def said(*limits: Limit) -> tuple[int, int, float, int | None]:
        return tuple(verdict(limits, store.hit(limits)))

    wide, narrow = Limit("wide", 10), Limit("narrow", 4)
    assert said(wide, narrow) == (4, 3, pytest.approx(60), None)
    clock.wait(20)
    assert said(narrow, wide) == (4, 2, pytest.approx(40), None)
    for _ in range(7):
        said(wide)
    assert said(wide, narrow) == (10, 0, pytest.approx(40), None)
    assert said(wide, narrow) == (10, 0, pytest.approx(40), 41)
    clock.wait(40.5)
    assert said(wide, narrow)[3] is None


def test_a_limit_made_smaller_holds_at_once(store, clock):
    for _ in range(50):
        passes(store)
        clock.wait(1)
    smaller = [Limit("key", 10)]
    said = verdict(smaller, store.hit(smaller))
    assert said.retry_in == 51  # until fewer than ten are younger than a minute
    clock.wait(51)
    assert passes(store, *smaller)


# --- the file -------------------------------------------------------------------------------


def test_the_wall_clock_means_nothing(tmp_path, monkeypatch):
    store = FileStore(tmp_path / "rates.sqlite3")
    assert sum(passes(store) for _ in range(120)) == 100
    for jump in (86_400, -86_400):
        now = time.time() + jump
        monkeypatch.setattr(time, "time", lambda now=now: now)
        assert not passes(store)
        assert passes(store, Limit(f"another {jump}", 1))
    store.close()


def test_what_was_logged_before_the_machine_started_again_is_forgotten(store, clock):
    clock.ns = 10**15
    assert sum(passes(store) for _ in range(120)) == 100
    clock.ns = 5 * SECOND
    assert sum(passes(store) for _ in range(120)) == 100


def test_the_file_stays_small(tmp_path, store, clock):
    for minute in range(4):
        for number in range(1500):
            passes(store, Limit(f"key:{minute}:{number}", 100))
        clock.wait(61)
    passes(store)
    with sqlite3.connect(tmp_path / "rates.sqlite3") as file:
        assert file.execute("SELECT count(*) FROM hit").fetchone() == (1,)
    file.close()
    assert sum(part.stat().st_size for part in tmp_path.iterdir()) < 2_500_000


@pytest.mark.parametrize("taken", ["rates.sqlite3", "rates.sqlite3*", "rates.*"])
def test_a_file_that_is_taken_away_is_made_anew_and_still_shared(tmp_path, store, clock, taken):
    path, other = tmp_path / "rates.sqlite3", FileStore(tmp_path / "rates.sqlite3", clock)
    assert passes(store)
    assert passes(other)
    for part in tmp_path.glob(taken):
        part.unlink()
    passed = sum(passes(one) for _ in range(100) for one in (store, other))
    assert passed == 100
    assert path.exists()
    other.close()


@pytest.mark.parametrize("junk", [b"", b"junk" * 5000, b"SQLite format 3\x00" + b"\xff" * 9000])
def test_a_damaged_file_is_made_anew_and_still_shared(tmp_path, clock, junk):
    path = tmp_path / "rates.sqlite3"
    path.write_bytes(junk)
    one, other = FileStore(path, clock), FileStore(path, clock)
    assert sum(passes(store) for _ in range(100) for store in (one, other)) == 100
    one.close()
    other.close()
    path.write_bytes(junk)
    assert sum(passes(store) for _ in range(100) for store in (one, other)) == 100
    one.close()
    other.close()


def test_a_file_damaged_in_use_stops_nobody(tmp_path, clock, caplog):
    path = tmp_path / "rates.sqlite3"
    one, other = FileStore(path, clock), FileStore(path, clock)
    for store in (one, other):
        assert passes(store)
    one._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[union-attr]
    with open(path, "r+b") as file:
        file.write(b"\xff" * path.stat().st_size)
    for part in ("-wal", "-shm"):
        Path(f"{path}{part}").unlink()
    passed = sum(passes(store) for _ in range(100) for store in (one, other))
    assert 98 <= passed <= 100
    one.close()
    other.close()


def test_requests_pass_while_the_file_cannot_be_written_and_the_log_says_so_once(tmp_path, caplog):
    now = Clock(0)
    store = FileStore(tmp_path / "none" / "rates.sqlite3")
    ways = FailOpen(store, lambda: now.ns / SECOND)
    with caplog.at_level(logging.WARNING):
        for _ in range(50):
            assert ways.hit([KEY]) is None
            now.wait(1)
        assert len(caplog.records) == 1
        now.wait(15)
        assert ways.hit([KEY]) is None
        assert len(caplog.records) == 2
    (tmp_path / "none").mkdir()
    now.wait(REST_SECONDS)
    assert ways.hit([KEY]) is not None
    store.close()


def test_who_holds_the_file_holds_nobody_up_for_long(tmp_path, monkeypatch):
    monkeypatch.setattr(file_store, "PATIENCE_SECONDS", 0.2)
    store = FileStore(tmp_path / "rates.sqlite3")
    ways = FailOpen(store)
    assert ways.hit([KEY]) is not None
    holder = sqlite3.connect(tmp_path / "rates.sqlite3", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: ways.hit([KEY]), range(1_000))) == {None}
    assert time.monotonic() - began < 15, "each would wait a fifth of a second"
    holder.execute("ROLLBACK")
    holder.close()
    store.close()


def test_who_is_killed_while_it_counts_holds_nobody_up(tmp_path, store):
    assert passes(store)
    code = (
        "import sqlite3, sys, time\n"
        "file = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "file.execute('BEGIN IMMEDIATE')\n"
        "file.execute('DELETE FROM hit')\n"
        "print('held', flush=True)\n"
        "time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "rates.sqlite3")], stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StoreFailed):
            store.hit([KEY])
        holder.kill()
    assert sum(passes(store) for _ in range(120)) == 99


# --- Redis ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def redis_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    port = free_port()
    with rates.redis_server(tmp_path_factory.mktemp("redis"), port):
        yield port


@pytest.fixture
def redis(redis_port: int) -> Iterator[str]:
    yield f"redis://127.0.0.1:{redis_port}/0"
    with redis_client.Redis(port=redis_port) as client:
        client.flushall()


def test_of_640_requests_exactly_100_pass_with_redis_too(redis):
    assert rates.hammer(rates.in_redis, redis) == 100


def test_redis_says_what_the_file_says(redis, tmp_path):
    file, far = FileStore(tmp_path / "rates.sqlite3"), RedisStore(redis)
    chance = random.Random(5)
    buckets = [Limit("one", 3), Limit("two", 5), Limit("three", 8)]
    for _ in range(60):
        limits = chance.sample(buckets, chance.randint(1, 3))
        here, there = (verdict(limits, store.hit(limits)) for store in (file, far))
        # Of limits that are full alike, the one that says so may differ.
        like = {"reset_in": 0} | ({"limit": 0, "retry_in": 0} if here.retry_in else {})
        assert here._replace(**like) == there._replace(**like)
        # One is asked a moment after the other.
        assert here.reset_in == pytest.approx(there.reset_in, abs=10)
        assert (here.retry_in or 0) == pytest.approx(there.retry_in or 0, abs=10)
    file.close()


def test_a_log_in_redis_slides_and_goes_when_it_is_of_no_use(redis, redis_port):
    store = RedisStore(redis)
    assert [passes(store, Limit("key", 3)) for _ in range(4)] == [True, True, True, False]
    with redis_client.Redis(port=redis_port) as client:
        (name,) = client.keys()
        assert 59_000 < client.pttl(name) <= 61_000
        newest = int(client.lindex(name, 0))
        # The oldest two left the window a moment ago.
        client.delete(name)
        client.rpush(name, newest, newest - 60_000_001, newest - 60_000_002)
        assert sum(passes(store, Limit("key", 3)) for _ in range(5)) == 2
        assert client.llen(name) == 3


def test_a_clock_of_redis_that_is_set_back_blocks_for_a_minute_at_most(redis, redis_port):
    store, limits = RedisStore(redis), [Limit("key", 3)]
    passes(store, *limits)
    with redis_client.Redis(port=redis_port) as client:
        (name,) = client.keys()
        newest = int(client.lindex(name, 0))
        client.delete(name)
        client.rpush(name, *(newest + 3_600_000_000 + step for step in (2, 1, 0)))
        said = verdict(limits, store.hit(limits))
        assert (said.remaining, said.retry_in) == (0, 61)
        assert all(int(at) < newest + 10_000_000 for at in client.lrange(name, 0, -1))


def test_requests_pass_when_redis_dies_in_the_midst_of_them_and_are_counted_again_after(
    tmp_path, caplog
):
    port, now = free_port(), Clock(0)
    ways = FailOpen(RedisStore(f"redis://127.0.0.1:{port}"), lambda: now.ns / SECOND)
    with rates.redis_server(tmp_path, port):
        assert [ways.hit([Limit("key", 1)]).retry_in for _ in range(2)] == [None, 60]
    began = time.monotonic()
    with caplog.at_level(logging.WARNING):
        for _ in range(20):
            assert ways.hit([Limit("key", 1)]) is None
            now.wait(1)
    assert time.monotonic() - began < 10
    assert len(caplog.records) == 1
    with rates.redis_server(tmp_path, port):
        now.wait(REST_SECONDS)
        assert ways.hit([Limit("key", 1)]) is not None


def test_a_redis_that_does_not_answer_is_not_waited_for(redis_port, caplog):
    ways = FailOpen(RedisStore(f"redis://127.0.0.1:{redis_port}"))
    with redis_client.Redis(port=redis_port) as client:
        client.execute_command("CLIENT", "PAUSE", 4000)
        began = time.monotonic()
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(lambda _: ways.hit([KEY]), range(200))) == {None}
        assert time.monotonic() - began < 3.5
        client.execute_command("CLIENT", "UNPAUSE")


@pytest.mark.parametrize("address", ["127.0.0.1:6379", "http://localhost", "redis://host:port"])
def test_a_store_that_is_none_is_refused_at_the_start(address, monkeypatch):
    monkeypatch.setattr(env, "REGISTRY", {})
    monkeypatch.setenv("CRACKTRADER_RATE_STORE", address)
    with pytest.raises(ImproperlyConfigured, match="CRACKTRADER_RATE_STORE"):
        env.redis("CRACKTRADER_RATE_STORE", "")


@pytest.mark.parametrize("address", ["", "redis://:secret@host:6379/3", "rediss://host"])
def test_a_store_that_is_one_is_taken(address, monkeypatch):
    monkeypatch.setattr(env, "REGISTRY", {})
    monkeypatch.setenv("CRACKTRADER_RATE_STORE", address)
    assert env.redis("CRACKTRADER_RATE_STORE", "") == address
