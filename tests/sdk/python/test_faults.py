"""The network fails, really: nothing starts twice, and no event is lost or told twice."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest
from cracktrader import (
    AsyncCrackTraderAPI,
    ConnectionLost,
    CrackTraderAPI,
    StreamEvent,
    TimedOut,
    errors,
)

from tests.desk import DONE, Desk, free_port
from tests.sdk.proxy import Fault, Proxy

pytestmark = [pytest.mark.process, pytest.mark.slow]

BACKTEST: dict[str, Any] = {
    "strategy_name": "TestStrategy",
    "symbols": ["BTC/USDT"],
    "timeframe": "1h",
    "exchange": "simulated",
}
MONTH = {"start_date": "2024-01-01", "end_date": "2024-02-01"}
FORTNIGHT = {"start_date": "2024-01-01", "end_date": "2024-01-15"}


@pytest.fixture
def proxy(desk: Desk) -> Any:
    with Proxy("127.0.0.1", desk.port) as proxy:
        yield proxy


def through(proxy: Proxy, key: str, **options: Any) -> CrackTraderAPI:
    return CrackTraderAPI(key, f"http://127.0.0.1:{proxy.port}", **options)


def run_ids(api: CrackTraderAPI) -> list[str]:
    return [run.run_id for run in api.iterate_runs()]


def told(api: CrackTraderAPI, run_id: str) -> list[int]:
    """What the run's own record has."""
    return [event.seq for event in api.get_events(run_id, limit=10_000)]


# --- starts ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        Fault(refuse=True),
        Fault(cut_request=True),
        Fault.cut_answer(),
        Fault.cut_answer(40),
        Fault.stall(),
    ],
    ids=["refused", "request lost", "answer lost", "answer torn", "answer stalled"],
)
def test_a_start_whose_answer_does_not_come_is_repeated_and_makes_one_run(
    api: CrackTraderAPI, proxy: Proxy, key: str, fault: Fault
) -> None:
    before = set(run_ids(api))
    proxy.faults += [fault, fault]
    with through(proxy, key, timeout=1.0) as client:
        started = client.start_backtest(**BACKTEST, **MONTH)
    assert set(run_ids(api)) - before == {started.run_id}
    assert proxy.connections == 3


def test_eight_threads_with_one_key_make_one_run(
    api: CrackTraderAPI, proxy: Proxy, key: str
) -> None:
    before = set(run_ids(api))
    proxy.faults += [Fault.cut_answer(), Fault(), Fault.cut_answer(20), Fault(cut_request=True)]
    together = threading.Barrier(8)
    found: list[str | None] = []

    def start() -> None:
        with through(proxy, key) as client:
            together.wait()
            started = client.start_backtest(**BACKTEST, **MONTH, idempotency_key="eight")
            found.append(started.run_id)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert set(run_ids(api)) - before == set(found)
    assert len(set(found)) == 1


def test_two_starts_are_two_runs_and_another_body_under_one_key_is_refused(
    api: CrackTraderAPI,
) -> None:
    first, second = (api.start_backtest(**BACKTEST, **MONTH) for _ in range(2))
    assert first.run_id != second.run_id
    named = {"idempotency_key": "one name"}
    third = api.start_backtest(**BACKTEST, **MONTH, **named)
    assert api.start_backtest(**BACKTEST, **MONTH, **named).run_id == third.run_id
    with pytest.raises(errors.IdempotencyMismatch):
        api.start_backtest(**BACKTEST, **MONTH, **named, initial_cash=5.0)


def test_a_whole_backtest_survives_a_bad_network(proxy: Proxy, key: str) -> None:
    proxy.cut_every, proxy.left = (500, 9_000), 6
    with through(proxy, key, max_retries=10) as client:
        results = client.run_backtest(**BACKTEST, **MONTH)
        assert len(results.equity) == 31 * 24
    assert proxy.cuts == 6


# --- what is not repeated --------------------------------------------------------------------


def test_a_stop_without_a_name_and_a_reset_are_not_repeated(proxy: Proxy, key: str) -> None:
    with through(proxy, key) as client:
        for act in (client.stop_run, client.reset_runner):
            proxy.faults.append(Fault.cut_answer())
            before = proxy.connections
            with pytest.raises(ConnectionLost):
                act()
            assert proxy.connections == before + 1


def test_what_was_never_sent_is_sent_again_whatever_it_is(key: str) -> None:
    port = free_port()
    began = time.monotonic()
    with (
        CrackTraderAPI(key, f"http://127.0.0.1:{port}", max_retries=2) as client,
        pytest.raises(ConnectionLost),
    ):
        client.reset_runner()
    assert 0.3 < time.monotonic() - began < 10


def test_an_answer_that_does_not_come_in_time_is_told_as_such(proxy: Proxy, key: str) -> None:
    proxy.faults.append(Fault.stall())
    with through(proxy, key, timeout=0.3, max_retries=0) as client, pytest.raises(TimedOut):
        client.get_status()


# --- events ----------------------------------------------------------------------------------


def replay(api: CrackTraderAPI, speed: float = 0) -> str:
    run = api.start_live(**BACKTEST, replay={**FORTNIGHT, "speed": speed})
    return run.run_id


def check(events: list[StreamEvent], expected: list[int]) -> None:
    """Every event once and in order."""
    assert [event.seq for event in events] == expected
    assert expected == list(range(1, len(expected) + 1))
    assert events[-1].data["status"] in DONE


def test_a_stream_cut_at_random_tells_every_event_once_and_in_order(
    api: CrackTraderAPI, desk: Desk, key: str
) -> None:
    run_id = replay(api, speed=600_000)
    with (
        Proxy("127.0.0.1", desk.port, (1_000, 10_000), seed=5) as proxy,
        through(proxy, key) as client,
    ):
        events = list(client.stream_events(run_id))
        cuts = proxy.cuts
    check(events, told(api, run_id))
    assert cuts >= 4, cuts


def test_an_asynchronous_stream_does_as_well(api: CrackTraderAPI, desk: Desk, key: str) -> None:
    run_id = replay(api)

    async def follow(port: int) -> list[StreamEvent]:
        async with AsyncCrackTraderAPI(key, f"http://127.0.0.1:{port}") as client:
            return [event async for event in client.stream_events(run_id)]

    with Proxy("127.0.0.1", desk.port, (1_000, 14_000), seed=6) as proxy:
        events = asyncio.run(follow(proxy.port))
        cuts = proxy.cuts
    check(events, told(api, run_id))
    assert cuts >= 3, cuts


def test_a_stream_goes_on_where_it_was_told_to(api: CrackTraderAPI) -> None:
    run_id = replay(api)
    api.wait_for_run(run_id)
    seqs = told(api, run_id)
    assert [e.seq for e in api.stream_events(run_id, since=seqs[9])] == seqs[10:]
    assert list(api.stream_events(run_id, since=seqs[-1])) == []
    some = list(api.stream_events(run_id, channels=["orders", "trades"]))
    assert {e.channel for e in some} == {"orders", "trades"}
    assert [e.seq for e in some] == sorted(e.seq for e in some)
    with pytest.raises(errors.InvalidValue):
        next(api.stream_events(run_id, since=seqs[-1] + 1))
    with pytest.raises(errors.RunNotFound):
        next(api.stream_events("00000000-0000-4000-8000-000000000000"))


def test_a_half_open_connection_is_given_up_and_resumed(
    api: CrackTraderAPI, proxy: Proxy, key: str
) -> None:
    run_id = replay(api)
    api.wait_for_run(run_id)
    proxy.faults.append(Fault.stall(20_000))
    with through(proxy, key, stall_seconds=2.0) as client:
        began = time.monotonic()
        events = list(client.stream_events(run_id))
    check(events, told(api, run_id))
    assert proxy.stalls == 1
    assert 2 < time.monotonic() - began < 20


def test_a_quiet_run_is_no_stalled_one(api: CrackTraderAPI, proxy: Proxy, key: str) -> None:
    run_id = replay(api, speed=1)
    with through(proxy, key, stall_seconds=1.6) as client:
        stream = client.stream_events(run_id)
        threading.Timer(3.0, api.stop_run, [run_id]).start()
        events = list(stream)
    assert events[-1].data["status"] == "stopped"
    websockets = 1
    requests = 1
    assert proxy.connections == websockets + requests


def test_the_ticker_tells_each_bar_of_each_symbol_once(
    api: CrackTraderAPI, desk: Desk, key: str
) -> None:
    both = {**BACKTEST, "symbols": ["BTC/USDT", "ETH/USDT"]}
    run_id = api.start_live(**both, replay=FORTNIGHT).run_id
    with (
        Proxy("127.0.0.1", desk.port, (4_000, 40_000), seed=7) as proxy,
        through(proxy, key) as client,
    ):
        ticks = list(client.stream_ticker(run_id=run_id))
        cuts = proxy.cuts
    bars = {(e.data["timestamp"], e.symbol) for e in ticks}
    times = {point.timestamp for point in api.iterate_equity(run_id)}
    assert len(ticks) == len(bars)
    assert {time for time, _ in bars} == times
    assert {symbol for _, symbol in bars} == {"BTC/USDT", "ETH/USDT"}
    assert cuts >= 2, cuts
    one = list(api.stream_ticker("ETH/USDT", run_id))
    assert {(e.data["timestamp"], e.symbol) for e in one} == {b for b in bars if b[1] == "ETH/USDT"}


def test_all_runs_are_followed_over_disconnections_new_ones_included(
    api: CrackTraderAPI, desk: Desk, key: str
) -> None:
    """What begins and ends while there is no connection is told from its beginning."""
    # Seconds: it is under way when the stream begins, on a machine that does much else too.
    old = replay(api, speed=300_000)
    with Proxy("127.0.0.1", desk.port) as proxy, through(proxy, key) as client:
        events: list[StreamEvent] = []
        expected: dict[str, int] = {}
        stream = client.stream_events()
        for event in stream:
            events.append(event)
            if len(events) == 1:
                proxy.faults += [Fault(refuse=True), Fault(refuse=True)]
                proxy.cut_all()
                away = str(api.run_backtest(**BACKTEST, **MONTH).run_id)
                expected[away] = 0
            over = {e.run_id for e in events if e.is_last}
            if old in over and away in over and len(expected) == 1:
                later = replay(api)
                expected[later] = 0
            if set(expected) | {old} <= over and len(expected) == 2:
                break
        stream.close()
    assert proxy.cuts >= 2
    by_run = {run: [e.seq for e in events if e.run_id == run] for run in [old, *expected]}
    for run in expected:
        assert by_run[run] == told(api, run), run
    joined = by_run[old]
    assert joined == told(api, old)[joined[0] - 1 :]
