"""A paper run on a venue that misbehaves on the wire, through the real ccxt client.

Whatever the venue says, the run goes on; it trades the bars that were
accepted, which are the true ones wherever the venue told them right in time.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from exchanges.adapters.simulated import generate
from exchanges.domain import Symbol, Timeframe
from exchanges.models import Exchange, FeedBar, Revision
from runs import books, drift, services
from runs.models import Run
from tests.runs.papers import Venue, begin, desk, fresh, slices, told  # noqa: F401
from tests.venue import Fault, SpotMarket, VenueServer
from tests.venue.faults import html, rate_limited

MINUTE = Timeframe.parse("1m")
MIN = MINUTE.ms
NOW = 1_717_200_000_000  # 2024-06-01
SYMBOLS = ("BTC/USDT", "ETH/USDT")
BARS = int(os.environ.get("CRACKTRADER_TEST_WIRE_BARS", "30"))
SEEDS = [int(seed) for seed in os.environ.get("CRACKTRADER_TEST_WIRE_SEEDS", "1").split()]

Rows = list[Any]


def _shuffled(rows: Rows) -> Rows:
    return random.Random(len(rows)).sample(rows, len(rows))


def _malformed(rows: Rows) -> Rows:
    return [*rows[:-1], ["x", None, "", "NaN", "Infinity", []]]


def _impossible(rows: Rows) -> Rows:
    """The newest has its high below its low: no market printed that."""
    return [*rows[:-1], [rows[-1][0], rows[-1][1], "1", "9999999", *rows[-1][4:]]] if rows else rows


FAULTS: dict[str, Callable[[], Fault]] = {
    "429": lambda: rate_limited("0"),
    "418": lambda: rate_limited("0", status=418),
    "503": lambda: html(503),
    "timeout": lambda: Fault(hang=0.5),
    "reset": lambda: Fault(reset=True),
    "cut": lambda: Fault(cut=True),
    "not json": lambda: Fault(body=b"{"),
    "null": lambda: Fault(body=b"null"),
    "malformed": lambda: Fault(edit=_malformed),
    "impossible": lambda: Fault(edit=_impossible, times=2),
    "duplicate": lambda: Fault(edit=lambda rows: [*rows, *rows]),
    "unordered": lambda: Fault(edit=_shuffled),
    "late": lambda: Fault(edit=lambda rows: rows[:-1], times=2),
    "missing": lambda: Fault(edit=lambda rows: rows[:-2] + rows[-1:], times=2),
    "empty": lambda: Fault(edit=lambda rows: [], times=2),
}


class World:
    """A look-alike venue whose time is the desk's; a bar closes when `tick` is called."""

    def __init__(self, server: VenueServer, desk_clock: Venue) -> None:
        self.server, self._desk_clock = server, desk_clock
        self.at(NOW)

    def at(self, ms: int) -> None:
        self.ms = ms
        self.server.market.set_now(ms)
        self._desk_clock.at(ms)

    def tick(self, run: Run, times: int = 3) -> Run:
        """Asks as the feed process would, until its markets are settled or `times` is over."""
        for _ in range(times):
            polled = self._desk_clock.poll()
            self.at(self.ms + 2_000)
            if all(p.error is None and not p.waits for p in polled):
                break
        return slices(run)


@pytest.fixture
def world(desk: None, settings: Any) -> Iterator[World]:  # noqa: F811
    settings.VENUE_TIMEOUT = 0.2
    with VenueServer(SpotMarket(SYMBOLS, now_ms=NOW)) as server:
        Exchange.objects.create(
            name="lookalike", ccxt_id="binance", base_url=server.url, timeframes=["1m"]
        )
        yield World(server, Venue(settings))


def started(**changes: Any) -> Run:
    run = begin(
        **{
            "exchange": "lookalike",
            "symbols": list(SYMBOLS),
            "timeframe": "1m",
            "strategy_name": "TestStrategy",
            "strategy_params": {"period": 5, "threshold": 0.0002},
            "stop_loss": 0.002,
        }
        | changes
    )
    return slices(run)


def check_books(run: Run) -> None:
    """Closed, they are a backtest's over the bars that were accepted."""
    report = drift.report(fresh(run), here=True)
    assert report["seen"]["error"] is None
    assert report["seen"]["drift"]["identical"], report["seen"]["drift"]
    seqs = list(run.events.order_by("seq").values_list("seq", flat=True))
    assert seqs == list(range(1, len(seqs) + 1))
    times = [point["timestamp"] for point in told(run, "equity")]
    assert times == sorted(set(times))


def check_truth(world: World, run: Run, holes: set[tuple[str, int]] = frozenset()) -> None:  # type: ignore[assignment]
    """Every bar the run saw is the venue's true one, and none is lacking but `holes`."""
    seen = books.read(fresh(run))
    for bars in seen.series:
        window = bars.between(seen.config.start_ms, seen.config.end_ms)
        true = generate(Symbol(bars.symbol), MINUTE, seen.config.start_ms, seen.config.end_ms)
        expected = [t for t in true.time.tolist() if (str(bars.symbol), t) not in holes]
        assert window.time.tolist() == expected
        for time in expected:
            at, of = window.between(time, time + 1), true.between(time, time + 1)
            assert at.content_hash() == of.content_hash(), time


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_at_every_third_bar_changes_nothing_but_the_hour(name, world):
    run = started()
    for bar in range(1, 13):
        world.at(NOW + bar * MIN + 400)
        if bar % 3 == 0:
            world.server.faults.arm("klines", FAULTS[name]())
        run = world.tick(run, times=6)
    world.server.faults.clear()
    run = world.tick(run)
    assert run.status == "running"
    assert run.cursor_ms == NOW + 12 * MIN
    check_truth(world, run)
    check_books(run)
    assert not Revision.objects.exists()


@pytest.mark.parametrize("seed", SEEDS)
def test_through_any_series_of_faults_the_orders_are_a_backtests_over_the_true_bars(seed, world):
    choose = random.Random(seed)
    run = started()
    hit: dict[str, int] = {}
    for bar in range(1, BARS + 1):
        world.at(NOW + bar * MIN + 400)
        for _ in range(choose.choice((0, 0, 1, 1, 2, 4))):
            name = choose.choice(list(FAULTS))
            endpoint = "klines"
            if name in ("429", "418", "503", "timeout", "reset", "cut") and choose.random() < 0.3:
                endpoint = "time"
            hit[name] = hit.get(name, 0) + 1
            world.server.faults.arm(endpoint, FAULTS[name]())
        if choose.random() < 0.8:
            # Else the next bar closes before anybody has looked.
            run = world.tick(run, times=choose.randint(1, 5))
    world.server.faults.clear()
    for _ in range(5):
        run = world.tick(run)
    print(f"seed {seed}: {BARS} bars, faults {hit}, {run.trade_count} trades")
    assert run.status == "running"
    assert run.cursor_ms == NOW + BARS * MIN
    assert run.trade_count
    check_truth(world, run)
    check_books(run)
    # And closed they stay what they were.
    services.request_stop(run)
    slices(run)
    run = fresh(run)
    assert run.status == "stopped"
    check_books(run)


def test_bars_the_venue_never_delivers_are_told_and_held_against_it(world):
    run = started()
    never = NOW + 4 * MIN
    world.server.market.holes.append((never, never + 2 * MIN))
    for bar in range(1, 9):
        world.at(NOW + bar * MIN + 400)
        run = world.tick(run, times=1)
    for _ in range(3):
        world.at(world.ms + MIN)
        run = world.tick(run)
    gaps = told(run, "bar.missing")
    assert gaps == [
        {"symbol": symbol, "start": never, "end": never + 2 * MIN, "bars": 2} for symbol in SYMBOLS
    ]
    check_truth(world, run, {(s, never + i * MIN) for s in SYMBOLS for i in (0, 1)})
    check_books(run)


def test_a_revised_bar_is_told_and_the_books_keep_what_was_seen(world):
    run = started()

    def revise(rows: Rows) -> Rows:
        return [[*row[:5], "77", *row[6:]] if row[0] == NOW + MIN else row for row in rows]

    for bar in range(1, 6):
        world.at(NOW + bar * MIN + 400)
        if bar == 3:
            world.server.faults.arm("klines", Fault(edit=revise, times=2))
        run = world.tick(run, times=1)
    revised = told(run, "bar.revised")
    assert [(r["symbol"], r["time"], r["told"][4]) for r in revised if r["told"][4] == 77.0] == [
        (symbol, NOW + MIN, 77.0) for symbol in SYMBOLS
    ]
    check_truth(world, run)
    check_books(run)
    assert FeedBar.objects.filter(time=NOW + MIN, volume=77).count() == 0


def test_each_bar_is_fetched_once_for_all_runs(world):
    runs = [started(symbols=["BTC/USDT"]) for _ in range(5)]
    before = len(world.server.requests("klines"))
    world.at(NOW + MIN + 400)
    world._desk_clock.poll()
    for run in runs:
        slices(run)
    assert len(world.server.requests("klines")) == before + 1
    assert {fresh(run).cursor_ms for run in runs} == {NOW + MIN}
