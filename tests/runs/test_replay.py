"""A replay, slice by slice: the backtest's books, told as they come about."""

from __future__ import annotations

import errno
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.storage import storages
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from exchanges import queries as market_data
from exchanges.domain import Bars, InvalidInput, Symbol, Timeframe
from exchanges.market_store import SeriesKey
from runs import books, paper, recorder, services, tape
from runs import results as run_results
from runs.models import EquityPoint, Order, Run, Trade
from runs.verify import Cause, verify
from strategies.services import sync_strategies
from tests import messages
from tests.runs.papers import (  # noqa: F401 - fixtures
    BODY,
    HOUR,
    REPLAY,
    T0,
    backtest_of,
    begin,
    desk,
    fresh,
    kinds,
    rehearse,
    slices,
    told,
)
from tests.site.api import API, error, get, post, tables_with

pytestmark = [pytest.mark.usefixtures("desk"), pytest.mark.django_db(transaction=True)]

BOTH = ["BTC/USDT", "ETH/USDT"]
TABLES = ("trades", "orders", "equity")


def page(client: Any, run: Run, name: str) -> list[Any]:
    found = get(client, f"/runs/{run.public_id}/{name}", limit=10_000)
    assert found.get("next_cursor") is None
    return list(found[name])


# --- from start to end -----------------------------------------------------------------------


def test_a_replay_ends_with_the_backtests_result(client):
    run = slices(rehearse(symbols=BOTH))
    assert run.status == "completed", run.error
    backtest = backtest_of(run)
    assert run.result_hash == backtest.result_hash != ""
    assert run.metrics == backtest.metrics
    for name in TABLES:
        assert page(client, run, name) == page(client, backtest, name) != []
    same = [n for n in run.outcome if n not in ("late", "timings")]
    assert {n: run.outcome[n] for n in same} == {n: backtest.outcome[n] for n in same}
    assert (run.progress, run.late_bars, run.outcome["late"]) == (1.0, 0, [])
    assert (run.due_at, run.lease_expires_at, run.stage) == (None, None, "")


def test_each_slice_is_bounded_and_commits_all_it_did():
    run = slices(rehearse(), 1)
    assert (run.status, run.cursor_ms) == ("running", T0)
    assert kinds(run) == ["run.created", "run.started", "run.prepared"]
    for n in range(1, 11):
        run = slices(run, 1)
        assert run.cursor_ms == T0 + n * 100 * HOUR
        assert run.points.count() == 100 * n
        assert run.progress == pytest.approx(n / 10)
        assert run.lease_expires_at is None
        assert run.due_at is not None
        assert run.attempts == 0
        assert run.trade_count == run.trades.count() + bool(run.checkpoint["state"]["markets"][0][
            "position"])  # fmt: skip
    run = slices(run, 1)
    assert run.status == "completed"
    assert not paper.advance(run.id)
    # What the tables have now is in no row any more; orders and Events stay.
    assert not EquityPoint.objects.exists()
    assert not Trade.objects.exists()
    assert Order.objects.filter(run=run, status="filled").count() > 5
    names = {"bars", "equity", "orders", "trades"}
    assert set(run.artifacts.values_list("name", flat=True)) == names


def test_events_tell_everything_once_and_in_order(client):
    run = slices(rehearse(symbols=BOTH))
    events = list(run.events.order_by("seq"))
    assert [event.seq for event in events] == list(range(1, run.last_seq + 1))
    assert kinds(run)[:3] == ["run.created", "run.started", "run.prepared"]
    assert kinds(run)[-1] == "run.completed"
    assert len([kind for kind in kinds(run) if kind.startswith("run.")]) == 4
    points = {p["timestamp"]: p for p in page(client, run, "equity")}
    equity = told(run, "equity")
    assert [data["timestamp"] for data in equity] == list(points)
    for data in equity:
        assert data["value"] == points[data["timestamp"]]["value"]
        assert data["late"] is False
        assert set(data["bars"]) == set(BOTH)
    orders = {order["order_id"]: order for order in page(client, run, "orders")}
    filled = told(run, "order.filled")
    assert [o["order_id"] for o in filled] == list(orders)
    for order in filled:
        assert order == orders[order["order_id"]] | {"reason": None}
    # A stop is born and filled in one bar; all else was new before.
    new = [o["order_id"] for o in told(run, "order.new")]
    assert len(new) == len(set(new))
    settled = [o["order_id"] for o in told(run, "order.filled", "order.canceled")]
    assert set(new) - set(settled) == {o["order_id"] for o in run.outcome["pending_orders"]}
    stops = {o["order_id"] for o in filled if o["purpose"] == "stop_loss"}
    assert stops
    assert set(settled) - set(new) == stops
    closed = [t for t in page(client, run, "trades") if t["status"] == "closed"]
    assert sorted(told(run, "trade.closed"), key=lambda t: t["trade_id"]) == closed
    assert len(told(run, "trade.opened")) == run.trade_count


def test_a_new_order_is_told_at_its_close_and_filled_at_the_next_open():
    run = slices(rehearse())
    when: dict[str, list[Any]] = {}
    bar = None
    for event in run.events.order_by("-seq"):
        if event.kind == "equity":
            bar = event.data["timestamp"]
        elif event.kind in ("order.new", "order.filled"):
            when.setdefault(event.data["order_id"], []).append((event.kind, bar, event.data))
    pairs = [told for told in when.values() if len(told) == 2]
    assert len(pairs) > 5
    for (_, filled_in, fill), (_, decided_in, new) in pairs:
        assert new["created"] == new["timestamp"] == decided_in + HOUR == filled_in
        assert (new["amount"], new["price"], new["trade_id"]) == (None, None, None)
        assert fill["timestamp"] == filled_in
        assert fill["amount"] > 0


# --- while it goes on ------------------------------------------------------------------------


def test_pages_of_a_run_that_goes_on_are_the_beginning_of_what_it_ends_with(client):
    run = slices(rehearse(symbols=BOTH), 5)
    before = {name: page(client, run, name) for name in TABLES}
    events = get(client, f"/runs/{run.public_id}/events", limit=10_000)["events"]
    run = slices(run)
    after = {name: page(client, run, name) for name in TABLES}
    for name in ("orders", "equity"):
        assert before[name] == after[name][: len(before[name])] != []
    final = {trade["trade_id"]: trade for trade in after["trades"]}
    closed = [t for t in before["trades"] if t["status"] == "closed"]
    assert closed == [final[t["trade_id"]] for t in closed] != []
    still_open = [t for t in before["trades"] if t["status"] == "open"]
    assert before["trades"][len(closed) :] == still_open
    assert [t["entry_price"] for t in still_open] == [
        final[t["trade_id"]]["entry_price"] for t in still_open
    ]
    whole = get(client, f"/runs/{run.public_id}/events", limit=10_000)["events"]
    assert events == whole[: len(events)]
    assert [a["name"] for a in get(client, f"/runs/{run.public_id}/artifacts")["artifacts"]] == [
        "bars", "equity", "orders", "trades"
    ]  # fmt: skip


def standing(run: Run, which: str) -> Run:
    """The run, slice by slice, where it holds something ("positions") or waits ("pending")."""
    while run.status == "running":
        run = slices(run, 1)
        markets = run.checkpoint["state"]["markets"]
        if any(m["position" if which == "positions" else "pending"] for m in markets):
            return run
    raise AssertionError(f"no {which} at the end of any slice")


def test_the_detailed_status_shows_what_the_run_holds_and_how_it_does(client, settings):
    settings.SLICE_BARS = 37
    run = standing(slices(rehearse(symbols=BOTH), 1), "positions")
    status = get(client, "/status")
    detailed = get(client, "/status/detailed")
    assert status["status"] == "running"
    assert status["mode"] == "paper"
    assert status["end_time"] is None
    assert status["value"] == run.value == detailed["equity_curve"][-1]["value"]
    assert status["cash"] == detailed["equity_curve"][-1]["cash"]
    assert status["pnl"] == pytest.approx(run.value - 10_000)
    held = detailed["positions"]
    assert held
    worth = sum(position["size"] * position["last_price"] for position in held)
    assert status["cash"] + worth == pytest.approx(status["value"])
    last = {p["symbol"]: p for p in held}
    bars = told(run, "equity")[-1]["bars"]
    for symbol, position in last.items():
        assert position["last_price"] == bars[symbol][3]
        gain = position["size"] * (position["last_price"] - position["entry_price"])
        assert position["unrealized_pnl"] == pytest.approx(gain)
    assert detailed["recent_orders"] == page(client, run, "orders")[-10:]
    assert detailed["recent_trades"] == page(client, run, "trades")[-10:]
    assert detailed["performance_metrics"]["final_value"] == run.value
    assert detailed["performance_metrics"]["max_drawdown"] == pytest.approx(run.max_drawdown)
    health = detailed["health"]
    assert health["lag_seconds"] is None, "a replay is never behind its venue"
    assert health["last_error"] is None
    assert (health["gaps"], health["late_bars"], health["feeds"]) == (0, 0, [])
    assert health["stepped_until"] == get_iso(run.cursor_ms)
    assert detailed["progress"]["fraction"] == pytest.approx(run.progress)
    results = get(client, "/results")
    assert results["status"] == "running"
    assert results["final_value"] is None
    assert results["orders"] == page(client, run, "orders")
    assert results["positions"] == held
    assert results["performance_metrics"] == detailed["performance_metrics"]
    summary = next(r for r in get(client, "/runs", mode="paper")["runs"])
    assert summary["total_return"] == pytest.approx(run.value / 10_000 - 1)


def get_iso(ms: int) -> str:
    from runs.fields import iso

    return iso(ms)


def test_a_pending_order_has_an_estimate_until_it_fills(client, settings):
    settings.SLICE_BARS = 1
    run = standing(slices(rehearse(), 1), "pending")
    (pending,) = get(client, "/status/detailed")["pending_orders"]
    (row,) = run.orders.filter(status="new")
    assert (pending["order_id"], pending["status"]) == (row.order_id, "new")
    assert (pending["timestamp"], pending["created"]) == (None, run.cursor_ms)
    close = told(run, "equity")[-1]["bars"]["BTC/USDT"][3]
    assert pending["price"] == pytest.approx(close * 1.0005)
    assert pending["fee"] == pytest.approx(pending["amount"] * pending["price"] * 0.001)
    assert pending["order_id"] not in [o["order_id"] for o in page(client, run, "orders")]
    run = slices(run, 1)
    (filled,) = page(client, run, "orders")
    assert filled["order_id"] == pending["order_id"]
    assert filled["price"] == pytest.approx(pending["price"], rel=0.02)
    assert filled["amount"] == pytest.approx(pending["amount"], rel=0.02)
    assert get(client, "/status/detailed")["pending_orders"] == []


def test_whoever_reads_while_slices_are_committed_sees_one_moment():
    run = slices(rehearse(symbols=BOTH), 4)
    early = books.read(run)
    slices(run, 3)
    again = books.read(run)
    assert again.simulation.time.tolist() == early.simulation.time.tolist()
    assert again.simulation.orders.tolist() == early.simulation.orders.tolist()
    slices(run)
    with pytest.raises(InvalidInput, match="NOTHING_STEPPED"):
        books.read(run)


@pytest.mark.parametrize("steps", [1, 20])
def test_an_answer_is_of_one_moment_though_a_slice_is_committed_while_it_is_made(
    client, monkeypatch, steps
):
    """Or the end: its rows are in files then, and gone from the tables they were read from."""
    run = slices(rehearse(symbols=BOTH), 4)
    honest = run_results.Results.count
    left = [1]

    def disturbed(self: Any, name: str) -> int:
        counted = honest(self, name)
        if left.pop() if left else 0:
            slices(run, steps)
        return counted

    for path in ("/status/detailed", "/results"):
        run = slices(rehearse(symbols=BOTH), 4)
        left[:] = [1]
        with monkeypatch.context() as patch:
            patch.setattr(run_results.Results, "count", disturbed)
            answer = get(client, path)
        undisturbed = get(client, path)
        if steps > 1:
            assert answer["status"] == "completed"
        for name in answer.keys() - {"runtime_seconds", "health"}:
            assert answer[name] == undisturbed[name], (path, name)
    for name in TABLES:
        run = slices(rehearse(symbols=BOTH), 4)
        left[:] = [1]
        with monkeypatch.context() as patch:
            patch.setattr(run_results.Results, "count", disturbed)
            rows = page(client, run, name)
        assert rows == page(client, run, name) != []


def test_lists_and_pages_of_paper_runs_cost_few_queries(client):
    for _ in range(3):
        slices(rehearse(), 3)
    run = slices(rehearse(symbols=BOTH), 6)
    run_id = run.public_id
    most = {"/runs": 2, f"/runs/{run_id}/trades": 4, f"/runs/{run_id}/orders": 4,
            f"/runs/{run_id}/equity": 4, f"/runs/{run_id}/events": 2, "/status": 2}  # fmt: skip
    for path, limit in most.items():
        with CaptureQueriesContext(connection) as spent:
            get(client, path)
        assert len(spent) <= limit, (path, [q["sql"] for q in spent])
    with CaptureQueriesContext(connection) as spent:
        get(client, "/status/detailed")
    first = len(spent)
    with CaptureQueriesContext(connection) as spent:
        get(client, "/status/detailed")
    assert len(spent) <= 11 < first + 11, [q["sql"] for q in spent]


# --- its end ---------------------------------------------------------------------------------


def test_a_stop_closes_the_books_where_the_run_stands(client):
    run = slices(rehearse(symbols=BOTH), 5)
    answer = post(client, "/run/stop", b"")
    assert answer.json()["status"] == "stopping"
    run = slices(run)
    assert (run.status, run.error_code, run.progress) == ("stopped", "", pytest.approx(0.4))
    assert kinds(run)[-2:] == ["run.stop_requested", "run.stopped"]
    results = get(client, "/results")
    assert results["final_value"] == results["equity_curve"][-1]["value"] == run.value
    assert results["config"]["end_date"] == get_iso(T0 + 400 * HOUR)
    assert results["error"] is None
    assert post(client, "/run/stop", b"").json()["status"] == "stopped"
    assert kinds(run).count("run.stopped") == 1
    assert client.delete(f"{API}/run/reset").status_code == 200
    assert run.result_hash == backtest_of(run, T0 + 400 * HOUR).result_hash != ""


def test_a_stop_that_flattens_sells_at_the_next_open_and_then_ends(client, settings):
    settings.SLICE_BARS = 37
    run = standing(slices(rehearse(symbols=BOTH), 1), "positions")
    asked_at = run.cursor_ms
    held = get(client, "/status/detailed")["positions"]
    assert post(client, "/run/stop", {"flatten": True}).json()["status"] == "stopping"
    run = slices(run)
    assert (run.status, run.error_code) == ("stopped", "")
    results = get(client, "/results")
    assert results["positions"] == results["pending_orders"] == []
    sold = [order for order in results["orders"] if order["purpose"] == "flatten"]
    assert sold
    assert {order["symbol"] for order in sold} <= set(BOTH)
    for order in sold:
        # The first close after the request decides; the bar after it fills.
        assert order["timestamp"] == order["created"] == asked_at + HOUR
    amounts = {p["symbol"]: p["size"] for p in held}
    for order in sold:
        assert order["amount"] == pytest.approx(amounts.get(order["symbol"], order["amount"]))
    assert results["final_value"] == get(client, "/status")["cash"]
    assert results["ending"] == {"reason": "flatten", "timestamp": asked_at + HOUR}
    assert told(run, "run.stop_requested") == [{"flatten": True}]
    assert told(run, "flatten.begun") == [{"reason": "flatten", "time": asked_at + HOUR}]
    assert verify(run).identical


def test_a_second_stop_that_does_not_flatten_ends_the_run_as_it_stands(client, settings):
    settings.SLICE_BARS = 37
    run = standing(slices(rehearse(), 1), "positions")
    cursor = run.cursor_ms
    post(client, "/run/stop", {"flatten": True})
    assert post(client, "/run/stop", {"flatten": True}).json()["status"] == "stopping"
    assert post(client, "/run/stop", {"flatten": False}).json()["status"] == "stopping"
    run = slices(run)
    assert (run.status, run.cursor_ms) == ("stopped", cursor)
    assert told(run, "run.stop_requested") == [{"flatten": True}, {"flatten": False}]
    assert run.outcome["positions"]
    assert "order.filled" not in kinds(run)[-3:]


def test_a_run_that_holds_nothing_is_flat_already(settings):
    settings.SLICE_BARS = 1
    run = slices(rehearse(strategy_params={"fast_period": 5, "slow_period": 300}), 3)
    services.request_stop(run, flatten=True)
    run = slices(run)
    assert run.status == "stopped"
    assert told(run, "run.stopped") == [{"reason": "stop requested, nothing to sell"}]


def test_a_run_nobody_began_is_stopped_at_once(client):
    run = rehearse()
    assert post(client, "/run/stop", {"flatten": True}).json()["status"] == "stopped"
    assert not paper.advance(run.id)
    assert fresh(run).result_hash == ""


@pytest.mark.parametrize("limit", ["max_drawdown", "daily_loss"])
def test_a_loss_limit_sells_everything_and_stops_the_run(client, limit):
    run = slices(rehearse(symbols=BOTH, stop_loss=None, **{limit: 0.02}))
    assert (run.status, run.error_code) == ("stopped", "LOSS_LIMIT")
    assert run.error_details["reason"] == limit
    (hit,) = told(run, "limit.hit")
    assert hit["reason"] == limit
    assert told(run, "run.stopped") == [{"reason": limit}]
    results = get(client, "/results")
    assert results["error"].startswith("LOSS_LIMIT: ")
    assert results["ending"] == {"reason": limit, "timestamp": hit["time"]}
    assert results["positions"] == []
    assert "loss_limit" in {order["purpose"] for order in results["orders"]}
    assert run.cursor_ms < T0 + 1_000 * HOUR
    assert verify(run).identical
    # A backtest of the same honours it too, and comes to the same trades.
    backtest = backtest_of(run)
    assert backtest.status == "completed"
    assert backtest.outcome["ending"] == run.outcome["ending"]
    assert page(client, backtest, "orders") == page(client, run, "orders")
    assert page(client, backtest, "trades") == page(client, run, "trades")
    assert backtest.value == run.value


BREAKS = '''
import numpy as np
from strategies.base import Params, Signals, Strategy


class Breaks(Strategy):
    """Buys every other bar until it has seen enough."""

    class Params(Params):
        pass

    def warmup(self, params):
        return 0

    def signals(self, bars, params):
        if len(bars) > 250:
            raise ZeroDivisionError("enough")
        turn = np.arange(len(bars)) % 4
        return Signals(turn == 0, turn == 2)
'''


def test_a_strategy_that_raises_fails_the_run_with_its_books_so_far(client, settings):
    settings.STRATEGIES_DIR.mkdir(exist_ok=True)
    (settings.STRATEGIES_DIR / "breaks.py").write_text(BREAKS)
    sync_strategies()
    run = slices(rehearse(strategy_name="Breaks", strategy_params={}))
    assert (run.status, run.error_code) == ("failed", "STRATEGY_FAILED"), run.error
    assert "enough" in run.error
    assert kinds(run)[-1] == "run.failed"
    assert told(run, "run.failed")[0]["code"] == "STRATEGY_FAILED"
    results = get(client, "/results")
    assert results["status"] == "failed"
    assert len(page(client, run, "equity")) == 200
    assert results["final_value"] == run.value
    assert results["orders_total"] == len(page(client, run, "orders")) > 50
    health = get(client, "/status/detailed")["health"]
    assert health["last_error"] == results["error"]


def test_a_replay_without_candles_fails_before_it_begins():
    run = slices(rehearse(replay={"start_date": get_iso(0), "end_date": get_iso(1_000 * HOUR)}))
    assert (run.status, run.error_code) == ("failed", "NO_CANDLES")


def change_candle(at: int, symbol: str = "BTC/USDT") -> None:
    key = SeriesKey("simulated", Symbol(symbol), Timeframe.parse("1h"))
    bars = market_data.store().read(key, T0, T0 + 1_000 * HOUR)
    columns = {n: getattr(bars, n).copy() for n in ("open", "high", "low", "close", "volume")}
    columns["volume"][at] += 1.0
    changed = Bars(bars.symbol, bars.timeframe, bars.time, *columns.values())
    market_data.store().write(key, changed)


def test_a_replay_goes_on_with_the_bars_it_began_with_whatever_becomes_of_the_store(client):
    undisturbed = slices(rehearse(symbols=BOTH))
    run = slices(rehearse(symbols=BOTH), 4)
    change_candle(700, "ETH/USDT")
    tape._DECODED.clear()
    assert get(client, "/status/detailed")["performance_metrics"]["final_value"] == run.value
    run = slices(run)
    assert (run.status, run.result_hash) == ("completed", undisturbed.result_hash)


def test_a_slice_and_a_status_ask_no_venue(client, monkeypatch):
    run = slices(rehearse(symbols=BOTH), 1)

    def asked(*args: Any, **options: Any) -> None:
        raise AssertionError("the candle store was read, which may ask a venue")

    monkeypatch.setattr("exchanges.services.ensure_bars", asked)
    for path in ("/status/detailed", "/results"):
        slices(run, 2)
        tape._DECODED.clear()
        assert get(client, path)["performance_metrics"]["total_trades"] > 0
    assert slices(run).status == "completed"


def forget_files() -> None:
    """As a process that has read none of them yet."""
    tape._DECODED.clear()
    run_results._cached.cache_clear()


def make_due(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(due_at=timezone.now())


def test_a_run_whose_files_are_away_waits_for_them_and_no_request_breaks(client):
    run = slices(rehearse(), 4)
    path = Path(storages["artifacts"].path(run.artifacts.get().path))
    away = path.rename(path.with_suffix(".away"))
    forget_files()
    for address in ("/status", "/status/detailed", "/results", f"/runs/{run.public_id}"):
        assert get(client, address)["status"] == "running"
    run = slices(run)
    assert run.status == "running"
    assert "ARTIFACT_NOT_FOUND" in str(get(client, "/status/detailed")["health"]["warnings"])
    away.rename(path)
    make_due(run)
    run = slices(run)
    assert run.status == "completed"
    assert run.result_hash == backtest_of(run).result_hash


def test_a_run_whose_files_are_lost_can_be_stopped(client):
    run = slices(rehearse(), 4)
    storages["artifacts"].delete(run.artifacts.get().path)
    forget_files()
    services.request_stop(run)
    run = slices(run)
    assert run.status == "stopping"
    Run.objects.filter(pk=run.pk).update(stop_requested_at=timezone.now() - timedelta(minutes=2))
    make_due(run)
    run = slices(run)
    assert (run.status, run.result_hash) == ("stopped", "")
    assert len(get(client, "/results")["orders"]) > 0


def test_a_full_disk_ends_no_run(monkeypatch):
    run = slices(rehearse(), 4)
    store = recorder.store

    def full(content: bytes) -> str:
        raise OSError(errno.ENOSPC, "no space left on device")

    services.request_stop(run)
    monkeypatch.setattr(recorder, "store_all", lambda contents: [full(c) for c in contents])
    run = slices(run)
    assert run.status == "stopping"
    assert run.stage == "trying again: OSError"
    monkeypatch.setattr(recorder, "store_all", lambda contents: [store(c) for c in contents])
    make_due(run)
    run = slices(run)
    assert run.status == "stopped"
    assert verify(run).identical


# --- speed -----------------------------------------------------------------------------------


def test_a_replay_with_a_speed_keeps_its_pace(settings):
    run = slices(rehearse(replay=REPLAY | {"speed": 3600}))
    # A bar a second, and none has closed yet.
    assert (run.status, run.cursor_ms) == ("running", T0)
    wait = run.due_at - timezone.now()
    assert timedelta(0) < wait <= timedelta(seconds=1)
    passed = dict(run.checkpoint)
    passed["began_ms"] -= 50_500
    Run.objects.filter(pk=run.pk).update(checkpoint=passed, due_at=timezone.now())
    run = slices(run)
    assert run.points.count() in (50, 51, 52)
    assert run.due_at > timezone.now() - timedelta(seconds=1)
    passed = dict(run.checkpoint)
    passed["began_ms"] -= 10_000_000
    Run.objects.filter(pk=run.pk).update(checkpoint=passed, due_at=timezone.now())
    run = slices(run)
    assert run.status == "completed"
    assert run.late_bars == 0
    assert run.result_hash == backtest_of(run).result_hash


# --- starting --------------------------------------------------------------------------------


def test_one_key_starts_one_run_and_says_so_where_the_body_differs(client):
    body = BODY | {"replay": REPLAY}
    key = {"Idempotency-Key": "mine"}
    first, again = (post(client, "/run/live", body, **key).json() for _ in range(2))
    assert first == again
    assert Run.objects.count() == 1
    other = body | {"replay": REPLAY | {"speed": 1}}
    found = error(post(client, "/run/live", other, **key), 400, "IDEMPOTENCY_MISMATCH")
    assert found["details"]["run_id"] == first["run_id"]
    slices(Run.objects.get())
    assert post(client, "/run/live", body, **key).json() == first


def test_a_start_is_rung_once_on_the_cluster_that_prepares(client):
    post(client, "/run/live", BODY | {"replay": REPLAY})
    (message,) = messages.waiting()
    assert message["cluster"] == "jobs"
    assert message["func"] == "runs.tasks.advance"


def test_what_is_no_replay_is_refused(client):
    def refused(code: str, status: int = 400, **changes: Any) -> dict[str, Any]:
        return error(post(client, "/run/live", BODY | changes), status, code)

    refused("INVALID_VALUE", mode="live", replay=REPLAY)
    refused("LIVE_TRADING_DISABLED", 403, mode="live")
    refused("INVALID_SYMBOL", symbols=["NO/PE"], replay=REPLAY)
    refused("INVALID_VALUE", replay=REPLAY | {"speed": -1})
    refused("INVALID_VALUE", replay=REPLAY | {"speed": 1.1e9})
    refused("UNKNOWN_FIELD", replay=REPLAY | {"pace": 1})
    refused("INVALID_RANGE", replay={"start_date": REPLAY["end_date"], "end_date": get_iso(T0)})
    refused("INVALID_RANGE", replay={"end_date": "2099-01-01T00:00:00Z"})
    refused("NAIVE_DATETIME", replay={"start_date": "2024-01-01T00:00:00"})
    refused("UNKNOWN_FIELD", start_date=get_iso(T0))
    refused("INVALID_LIMITS", max_drawdown=1, replay=REPLAY)
    assert Run.objects.count() == 0


def test_a_replay_of_no_dates_plays_the_last_thousand_closed_bars():
    run = begin(replay={})
    engine = run.config["engine"]
    assert engine["end_ms"] - engine["start_ms"] == 1_000 * HOUR
    assert run.config["replay"] == {"speed": 0.0}


def test_keys_are_kept_nowhere(client):
    keys = {"apiKey": "canary-1f", "secret": "canary-2e", "sandbox": True}
    answer = post(client, "/run/live", BODY | {"replay": REPLAY, "exchange_config": keys})
    assert answer.status_code == 200
    run = slices(Run.objects.get())
    assert run.status == "completed"
    assert tables_with("canary-") == []
    assert run.request["exchange_config"] == {"sandbox": True}


def test_a_run_that_goes_on_cannot_be_reset(client):
    run = slices(rehearse(), 3)
    found = error(client.delete(f"{API}/run/reset"), 400, "RUN_ACTIVE")
    assert found["details"] == {"run_id": str(run.public_id), "status": "running"}
    slices(run)
    assert client.delete(f"{API}/run/reset").json()["status"] == "idle"
    assert get(client, f"/runs/{run.public_id}")["status"] == "completed"


# --- verify ----------------------------------------------------------------------------------


def differing(run: Run) -> set[tuple[Cause, str]]:
    report = verify(fresh(run))
    assert not report.identical
    return {(d.cause, d.name) for d in report.differences}


def test_a_replay_verifies_and_what_was_tampered_with_is_named():
    run = slices(rehearse(symbols=BOTH))
    report = verify(run)
    assert report.identical, report.differences
    assert report.verdict.startswith("identical")
    row = Run.objects.filter(pk=run.pk)
    row.update(value=1.0)
    assert differing(run) == {(Cause.RESULT, "value")}
    row.update(value=run.value, metrics=run.metrics | {"sharpe_ratio": 9.0})
    assert differing(run) == {(Cause.RESULT, "metric sharpe_ratio")}
    engine = run.config["engine"] | {"fee": 0.5}
    row.update(metrics=run.metrics, config=run.config | {"engine": engine})
    assert (Cause.RECORD, "config") in differing(run)
    row.update(config=run.config, seal=run.seal | {"digest": "0" * 64})
    assert differing(run) == {(Cause.RECORD, "digest")}
    row.update(seal=run.seal, outcome=run.outcome | {"positions": []} | {"gaps": [1]})
    assert (Cause.RESULT, "gaps") in differing(run)
    row.update(outcome=run.outcome | {"late": [1], "timings": {}})
    assert verify(fresh(run)).identical, "what the wall clock had a part in is no difference"


def test_bars_that_were_tampered_with_are_found():
    """Another file under the name of the bars the run saw."""
    from runs import recorder
    from runs.engine import artifacts

    run = slices(rehearse())
    _, (bars,) = books.seen(run)
    columns = {n: getattr(bars, n).copy() for n in ("open", "high", "low", "close", "volume")}
    at = len(bars) // 2
    columns["open"][at] = columns["high"][at] = np.nextafter(columns["high"][at], np.inf)
    other = Bars(bars.symbol, bars.timeframe, bars.time, *columns.values())
    content, rows = artifacts.encode_bars([other])
    changed = {"sha256": recorder.store(content), "size": len(content), "rows": rows}
    run.artifacts.filter(name="bars").update(**changed)
    found = differing(run)
    assert (Cause.CANDLES, "candle_hashes/BTC/USDT") in found


def test_the_stored_candles_may_change_once_the_replay_is_over():
    run = slices(rehearse())
    change_candle(500)
    assert verify(run).identical, "the run is held to the bars it saw"
