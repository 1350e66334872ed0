"""What clients are told of an Event, and that they are told each, in order, once."""

from __future__ import annotations

import json
import random
import threading
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import OperationalError, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from exchanges.domain import InvalidInput
from runs import channels, recorder
from runs.channels import CHANNELS, Happening
from runs.models import Event, Run
from runs.streaming import reads, requests, tail
from runs.streaming.subscriptions import Cursor, Key, Subscription, Subscriptions
from runs.streaming.tail import Frontier, Tailer

from .factory import make_run

WHEN = datetime(2024, 1, 1, tzinfo=UTC)
ORDER = {
    "order_id": "1640995200000-0-entry-buy",
    "status": "filled",
    "symbol": "BTC/USDT",
    "side": "buy",
    "type": "market",
    "purpose": "entry",
    "amount": 0.1,
    "price": 50000.0,
    "fee": 5.0,
    "timestamp": 1640995200000,
    "created": 1640995200000,
    "trade_id": 3,
    "reason": None,
}


def event(kind: str, data: dict[str, Any] | None = None, seq: int = 7, run: int = 1) -> Happening:
    return Happening(run, f"run-{run}", "", seq, kind, data or {}, WHEN)


def told(kind: str, data: dict[str, Any] | None = None) -> dict[str, list[Any]]:
    messages = event(kind, data).messages
    return {channel: [json.loads(m.text) for m in found] for channel, found in messages.items()}


# --- presenters -------------------------------------------------------------------------------


def test_the_order_message_is_the_references_to_the_letter():
    assert told("order.filled", ORDER) == {
        "orders": [
            {
                "channel": "orders",
                "data": {
                    "order_id": "1640995200000-0-entry-buy",
                    "status": "filled",
                    "symbol": "BTC/USDT",
                    "side": "buy",
                    "amount": 0.1,
                    "price": 50000,
                    "timestamp": 1640995200000,
                },
                "run_id": "run-1",
                "seq": 7,
            }
        ]
    }


def test_a_stepped_bar_is_a_point_of_equity_and_a_ticker_per_symbol():
    bars = {"BTC/USDT": [1.0, 3.0, 0.5, 2.0, 9.0], "ETH/USDT": [4.0, 6.0, 3.0, 5.0, 8.0]}
    point = {"timestamp": 5, "value": 10.0, "cash": 2.0, "late": True}
    found = told("equity", {**point, "bars": bars})
    assert found["equity"][0]["data"] == point
    assert [(m["symbol"], m["data"]) for m in found["ticker"]] == [
        ("BTC/USDT", {"last": 2.0, "bid": None, "ask": None, "volume": 9.0, "timestamp": 5}),
        ("ETH/USDT", {"last": 5.0, "bid": None, "ask": None, "volume": 8.0, "timestamp": 5}),
    ]


def test_a_failure_is_told_with_its_error():
    error = {"code": "NO_CANDLES", "message": "None", "details": {"symbol": "BTC/USDT"}}
    found = told("run.failed", error)
    (message,) = found["status"]
    assert message["data"] == {
        "status": "failed",
        "event": "run.failed",
        "run_id": "run-1",
        "reason": None,
        "error": error,
        "timestamp": 1704067200000,
    }
    assert found["status_update"] == [
        {
            "type": "status_update",
            "payload": {"status": "failed", "run_id": "run-1"},
            "timestamp": "2024-01-01T00:00:00.000Z",
        }
    ]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("run.created", {"status", "status_update"}),
        ("run.stopped", {"status", "status_update"}),
        ("run.worker_lost", {"status", "logs"}),
        ("run.prepared", {"status", "logs"}),
        ("order.canceled", {"orders"}),
        ("trade.closed", {"trades"}),
        ("equity", {"equity"}),
        ("bar.missing", {"logs"}),
        ("limit.hit", {"logs"}),
        ("something.new", {"logs"}),
    ],
)
@pytest.mark.django_db
def test_an_event_belongs_to_its_channels_live_and_replayed(kind, expected):
    assert told(kind).keys() == expected
    run = make_run()
    recorder.append(run.id, kind)
    for channel in (*CHANNELS, channels.UPDATES):
        page = reads.page(run.id, 0, channel)
        replayed = [m for found in page.events for m in found.messages.get(channel, [])]
        assert bool(replayed) == (channel in expected), channel
        assert page.through == 1


def test_an_event_that_is_not_what_its_kind_promises_stops_nobody(caplog):
    assert event("equity", {"bars": {"BTC/USDT": 1}}).messages.keys() == {"equity"}
    assert "cannot be told" in caplog.text


@pytest.mark.django_db
def test_every_status_a_run_can_end_with_is_told():
    assert {channels._STATUSES[kind] for kind in channels.ENDS} == {
        status for status in Run.Status.values if status not in Run.ACTIVE
    }


# --- requests ---------------------------------------------------------------------------------

GOOD = {"action": "subscribe", "channel": "orders"}
REFUSED: list[tuple[Any, str, dict[str, Any]]] = [
    ([], "INVALID_TYPE", {}),
    ("subscribe", "INVALID_TYPE", {}),
    ({}, "MISSING_FIELD", {"field": "action", "valid_values": list(requests.ACTIONS)}),
    ({"action": "join"}, "INVALID_VALUE", {"valid_values": list(requests.ACTIONS)}),
    ({"action": ["subscribe"]}, "INVALID_VALUE", {"field": "action"}),
    ({"action": "subscribe"}, "MISSING_FIELD", {"valid_values": list(CHANNELS)}),
    (GOOD | {"channel": "order"}, "INVALID_VALUE", {"valid_values": list(CHANNELS)}),
    (GOOD | {"channel": "status_update"}, "INVALID_VALUE", {"valid_values": list(CHANNELS)}),
    (GOOD | {"channel": None}, "INVALID_VALUE", {"field": "channel"}),
    (GOOD | {"symbols": []}, "UNKNOWN_FIELD", {}),
    (GOOD | {"run_id": 1}, "INVALID_TYPE", {"field": "run_id"}),
    (GOOD | {"symbol": 1}, "INVALID_TYPE", {"field": "symbol"}),
    (GOOD | {"symbol": "../x"}, "INVALID_SYMBOL", {}),
    (GOOD | {"channel": "equity", "symbol": "BTC/USDT"}, "INVALID_VALUE", {"field": "symbol"}),
    (GOOD | {"since": 3}, "MISSING_FIELD", {"field": "run_id"}),
    (GOOD | {"run_id": "x", "since": -1}, "INVALID_VALUE", {"minimum": 0}),
    (GOOD | {"run_id": "x", "since": True}, "INVALID_TYPE", {"field": "since"}),
    (GOOD | {"run_id": "x", "since": "3"}, "INVALID_TYPE", {"field": "since"}),
    (GOOD | {"id": {}}, "INVALID_VALUE", {"field": "id"}),
    (GOOD | {"id": "x" * 65}, "INVALID_VALUE", {"field": "id"}),
    ({"action": "ping", "channel": "orders"}, "UNKNOWN_FIELD", {"valid_fields": ["action", "id"]}),
    (GOOD | {"action": "unsubscribe", "since": 1}, "UNKNOWN_FIELD", {}),
]


@pytest.mark.parametrize(("message", "code", "details"), REFUSED, ids=lambda v: str(v)[:60])
def test_a_wrong_request_is_told_what_would_be_right(message, code, details):
    with pytest.raises(InvalidInput) as refused:
        requests.parse(message)
    assert refused.value.code == code
    assert details.items() <= refused.value.details.items()


JSON_VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.none())


@given(
    st.dictionaries(
        st.sampled_from(["action", "channel", "run_id", "symbol", "since", "id", "x"]),
        st.sampled_from([*requests.ACTIONS, *CHANNELS, "BTC/USDT"]) | JSON_VALUES,
    )
)
def test_any_object_is_a_request_or_refused(message):
    try:
        request = requests.parse(message)
    except InvalidInput as refused:
        json.dumps(refused.details)
    else:
        assert request.action in requests.ACTIONS
        assert request.channel in ("", *CHANNELS)


# --- subscriptions ----------------------------------------------------------------------------


def test_of_overlapping_subscriptions_the_narrowest_tells():
    held = Subscriptions()
    for key in (Key("orders"), Key("orders", None, "BTC/USDT"), Key("orders", "run-1", "BTC/USDT")):
        held.add(Subscription(key))
    everything, of_symbol, of_run = held
    mine = event("order.filled", ORDER)
    assert [bool(held.messages(s, mine)) for s in held] == [False, False, True]
    other = event("order.filled", ORDER, run=2)
    assert [bool(held.messages(s, other)) for s in held] == [True, False, False]
    held.remove(everything.key)
    assert [bool(held.messages(s, other)) for s in (of_symbol, of_run)] == [True, False]


def test_followers_of_all_runs_forget_those_that_are_over():
    subscription = Subscription(Key("orders"))
    for seq, kind in enumerate(["run.created", "run.started", "run.completed"], 1):
        cursor = subscription.cursor(event(kind, seq=seq))
        assert cursor is not None
        assert cursor.offer(seq, room=True)
        assert len(subscription.cursors) == 1
        subscription.forget(event(kind, seq=seq))
    assert subscription.cursors == {}


class Table:
    """The Events of a database where ids are given out before transactions end, in any order."""

    def __init__(self) -> None:
        self.rows: dict[int, tuple[int, int]] = {}
        self.last_seq: dict[int, int] = {}
        self._open: dict[int, list[int]] = {}
        self._next_id = 1

    def write(self, run: int) -> None:
        self._open.setdefault(run, []).append(self._next_id)
        self._next_id += 1

    def commit(self, run: int) -> None:
        for id in self._open.pop(run, []):
            self.last_seq[run] = self.last_seq.get(run, 0) + 1
            self.rows[id] = (run, self.last_seq[run])

    def roll_back(self, run: int) -> None:
        self._open.pop(run, None)

    def seqs(self, run: int, after: int) -> list[int]:
        return sorted(seq for r, seq in self.rows.values() if r == run and seq > after)

    def poll(self, frontier: Frontier, limit: int) -> list[tuple[int, int]]:
        ids = [
            id
            for id in sorted(self.rows)
            if id > frontier.highest or any(m.first <= id <= m.last for m in frontier.missing)
        ][:limit]
        frontier.take(ids, 0.0)
        return [self.rows[id] for id in ids]


RUNS = st.integers(0, 3)
STEPS = st.lists(
    st.tuples(st.sampled_from(["write", "write", "commit", "roll_back"]), RUNS)
    | st.tuples(st.just("poll"), st.integers(1, 4)),
    max_size=80,
)


@settings(max_examples=300, deadline=None)
@given(before=STEPS, after=STEPS)
def test_the_tail_hands_over_each_event_once_however_transactions_overlap(before, after):
    table = Table()
    for step, run in before:
        if step != "poll":
            getattr(table, step)(run)
    known = set(table.rows)
    frontier = Frontier(sorted(known), 0.0)
    found: list[tuple[int, int]] = []
    for step, number in [*after, *(("commit", run) for run in range(4))]:
        if step == "poll":
            found += table.poll(frontier, number)
        else:
            getattr(table, step)(number)
    while more := table.poll(frontier, 3):
        found += more
    assert sorted(found) == sorted(row for id, row in table.rows.items() if id not in known)
    for run in range(4):
        seqs = [seq for r, seq in found if r == run]
        assert seqs == sorted(seqs)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 30), st.integers(0, 10**9))
def test_a_cursor_lets_each_event_through_once_whatever_it_is_offered(since, seed):
    """Live Events come lost, doubled and disordered, the outbox is full at times, pages race."""
    choose = random.Random(seed)
    cursor, last, highest, got = Cursor(1, since, behind=True), 30, 0, []
    for _ in range(60):
        last += choose.randrange(3)
        if choose.random() < 0.6:
            seq = choose.randrange(max(last - 5, 1), last + 1)
            highest = max(highest, seq)
            if cursor.offer(seq, room=choose.random() < 0.7):
                got.append(seq)
        if cursor.behind and choose.random() < 0.5:
            # What a page's read saw may be old when it is told.
            through = min(cursor.position + choose.randrange(1, 9), last)
            through = max(through, cursor.position)
            got += range(cursor.position + 1, through + 1)
            cursor.caught_up(through, complete=choose.random() < 0.5)
        assert cursor.behind or cursor.position >= highest
    cursor.offer(last, room=True) and got.append(last)
    while cursor.behind:
        got += range(cursor.position + 1, last + 1)
        cursor.caught_up(last, complete=True)
    assert got == list(range(since + 1, max(last, since) + 1))


def test_what_never_turns_up_is_given_up_in_time():
    frontier = Frontier([10, 12], now=0.0)
    frontier.take([15], now=1.0)
    assert [(m.first, m.last) for m in frontier.missing] == [(1, 9), (11, 11), (13, 14)]
    frontier.take([14], now=2.0)
    assert [(m.first, m.last) for m in frontier.missing] == [(1, 9), (11, 11), (13, 13)]
    frontier.take([], now=Frontier.PATIENCE_SECONDS)
    assert [(m.first, m.last) for m in frontier.missing] == [(13, 13)]


def test_many_rolled_back_transactions_cost_little():
    frontier = Frontier([], now=0.0)
    frontier.take(list(range(2, 5_000, 2)), now=0.0)
    assert len(frontier.missing) == Frontier.MOST_RANGES


# --- the database -----------------------------------------------------------------------------


@pytest.mark.django_db
def test_rows_that_appear_below_those_read_are_found():
    run, other = make_run(), make_run()
    recorder.append(run.id, "run.created")
    frontier = tail.begin()
    missing = list(frontier.missing)
    base = Event.objects.latest("id").id

    def row(run: Run, id: int, seq: int) -> None:
        Event.objects.create(id=base + id, run=run, seq=seq, kind="equity")

    row(run, 3, 2)
    assert [(e.run, e.seq) for e in tail.read(frontier)] == [(run.id, 2)]
    assert tail.read(frontier) == []
    row(other, 2, 1)
    assert [(e.run_id, e.seq) for e in tail.read(frontier)] == [(str(other.public_id), 1)]
    row(other, 1, 2)
    row(run, 4, 3)
    assert [(e.run, e.seq) for e in tail.read(frontier)] == [(other.id, 2), (run.id, 3)]
    assert frontier.missing == missing


@pytest.mark.django_db
def test_a_replay_comes_in_pages_without_a_seam(monkeypatch):
    monkeypatch.setattr(reads, "PAGE", 4)
    run = make_run()
    for n in range(20):
        recorder.append(run.id, "equity" if n % 2 else "order.new")
    seen, position, pages = [], 3, 0
    while True:
        page = reads.page(run.id, position, "orders")
        seen += [e.seq for e in page.events]
        position, pages = page.through, pages + 1
        if page.complete:
            break
    assert seen == list(range(5, 21, 2))
    assert position == 20
    assert pages == 3
    assert reads.page(run.id + 1, 5, "orders") is None


@pytest.mark.django_db(transaction=True)
def test_the_tailer_outlives_a_database_that_does_not_answer(monkeypatch, caplog):
    run = make_run()
    found: list[int] = []
    ready, read, failing = threading.Event(), tail.read, threading.Event()

    def failing_read(frontier: Frontier) -> list[Happening]:
        if failing.is_set():
            raise OperationalError("the server is away")
        return read(frontier)

    def hand(events: list[Happening]) -> bool:
        found.extend(e.seq for e in events)
        return True

    def append(count: int) -> None:
        for _ in range(count):
            with transaction.atomic():
                recorder.append(run.id, "equity")

    monkeypatch.setattr(tail, "read", failing_read)
    tailer = Tailer(ready.set, hand)
    tailer.start()
    try:
        assert ready.wait(60)
        append(3)
        failing.set()
        append(3)
        time.sleep(0.3)
        failing.clear()
        append(3)
        deadline = time.monotonic() + 60
        while len(found) < 9 and time.monotonic() < deadline:
            time.sleep(0.01)
    finally:
        tailer.stop()
        tailer._thread.join(60)
    assert found == list(range(1, 10))
    warnings = [r.message for r in caplog.records if r.name == "runs.streaming.tail"]
    assert len(warnings) == 2, "once when it breaks, once when it is well again"
