from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchanges.domain import Bars, Purpose, Symbol, Timeframe
from runs import charts, recorder
from runs.engine import artifacts
from runs.engine.results import TRADE_DTYPE
from runs.models import Artifact, Run
from runs.report import standalone
from tests.runs.factory import ENGINE, make_run
from tests.runs.finished import finished, prepare_desk

HOUR = 3_600_000
BTC = Symbol("BTC/USDT")


def plotly_accepts(figure: charts.Figure) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import plotly.graph_objects as go
    go.Figure(json.loads(charts.to_json(figure)))


def bars_at(hours: list[int]) -> Bars:
    time = np.array(hours, dtype=np.int64) * HOUR
    base = 100 + np.sin(np.arange(len(time)))
    return Bars(
        BTC, Timeframe.parse("1h"), time, base, base + 2, base - 2, base + 1, np.ones(len(time))
    )


@given(
    st.lists(st.integers(0, 400), min_size=1, max_size=120, unique=True).map(sorted),
    st.integers(1, 60),
)
@settings(max_examples=150, deadline=None)
def test_merged_candles_keep_the_range_and_invent_nothing(hours, limit):
    bars = bars_at(hours)
    merged, width = charts.merge(bars, limit)
    assert len(merged["time"]) <= limit + 1
    assert (np.diff(merged["time"]) > 0).all()
    assert merged["high"].max() == bars.high.max()
    assert merged["low"].min() == bars.low.min()
    assert (merged["open"][0], merged["close"][-1]) == (bars.open[0], bars.close[-1])
    for time, high, close in zip(merged["time"], merged["high"], merged["close"], strict=True):
        part = bars.between(int(time), int(time) + width * HOUR)
        assert len(part)
        assert (high, close) == (part.high.max(), part.close[-1])


def test_no_bars_make_no_candles():
    merged, width = charts.merge(Bars.empty(BTC, Timeframe.parse("1h")), 10)
    assert width == 1
    assert all(len(column) == 0 for column in merged.values())


@pytest.fixture
def whole_run(transactional_db):
    prepare_desk()
    return finished(symbols=["BTC/USDT", "ETH/USDT"], stop_loss=0.02, take_profit=0.03)


def test_plotly_accepts_every_figure_of_a_real_run(whole_run):
    run = whole_run
    for figure in (
        charts.equity(run),
        charts.candles(run, BTC),
        charts.comparison([run, run]),
    ):
        assert all(len(trace["x"]) for trace in figure["data"])
        plotly_accepts(figure)


def test_each_trade_is_marked_where_it_was_entered_and_left(whole_run):
    figure = charts.candles(whole_run, BTC)
    marks = {trace["name"]: trace for trace in figure["data"][1:]}
    table = charts._all_trades(whole_run)[0]
    own = table[table["symbol"] == 0]
    assert marks["Entry"]["x"] == own["entry_time"].tolist()
    assert marks["Entry"]["y"] == own["entry_price"].tolist()
    stopped = own[own["exit_purpose"] == Purpose.STOP_LOSS]
    assert len(stopped)
    assert marks["Stop-loss"]["x"] == stopped["exit_time"].tolist()
    exits = sum(len(trace["x"]) for name, trace in marks.items() if name != "Entry")
    assert exits == (own["exit_time"] >= 0).sum()


@pytest.mark.django_db
def test_whatever_a_position_was_sold_for_has_its_own_marker():
    sold = [purpose for purpose in Purpose if purpose is not Purpose.ENTRY]
    table = np.zeros(len(sold), TRADE_DTYPE)
    table["entry_time"] = np.arange(len(sold)) * HOUR
    table["exit_time"], table["exit_purpose"] = table["entry_time"] + HOUR, sold
    run = make_run(config={"engine": ENGINE | {"end_ms": 20 * HOUR}})
    figure = charts.candles(with_tables(run, trades=table), BTC)
    exits = [trace for trace in figure["data"][1:] if trace["name"] != "Entry"]
    assert sorted(time for trace in exits for time in trace["x"]) == table["exit_time"].tolist()
    looks = {(trace["marker"]["symbol"], trace["marker"]["color"]) for trace in exits}
    assert len({trace["name"] for trace in exits}) == len(looks) == len(sold)
    plotly_accepts(figure)


def test_zooming_in_gives_the_stretch_asked_for(whole_run):
    start = whole_run.config["engine"]["start_ms"]
    figure = charts.candles(whole_run, BTC, start + 24 * HOUR, start + 48 * HOUR)
    assert len(figure["data"][0]["x"]) == 24
    for trace in figure["data"][1:]:
        assert min(trace["x"]) < start + 48 * HOUR


def with_tables(run: Run, **tables: np.ndarray) -> Run:
    for name, table in tables.items():
        columns = {column: table[column] for column in table.dtype.names}
        content = artifacts._parquet(columns)
        Artifact.objects.create(
            run=run, name=name, sha256=recorder.store(content), size=1, rows=len(table)
        )
    return run


def run_with_equity(time: np.ndarray, equity: np.ndarray) -> Run:
    table = np.zeros(len(time), artifacts.EQUITY_DTYPE)
    table["time"], table["equity"] = time, equity
    config = {"engine": ENGINE | {"end_ms": int(time[-1]) + HOUR}}
    return with_tables(make_run(config=config), equity=table)


@pytest.mark.django_db
def test_a_gap_stays_blank_and_is_shaded():
    time = np.array([*range(100), *range(160, 300)]) * HOUR
    figure = charts.equity(run_with_equity(time, np.linspace(1000, 1100, 240)))
    line = figure["data"][0]
    assert np.isnan(line["y"][line["x"].index(100 * HOUR)])
    assert line["connectgaps"] is False
    (shape,) = figure["layout"]["shapes"]
    assert (shape["x0"], shape["x1"]) == (100 * HOUR, 160 * HOUR)
    assert b"NaN" not in charts.to_json(figure)


@pytest.mark.django_db
def test_a_long_curve_is_thinned_and_keeps_its_extremes():
    random = np.random.default_rng(7)
    equity = 1000 * np.exp(np.cumsum(random.normal(0, 0.001, 50_000)))
    equity[31_234] = 1.0
    line, fall = charts.equity(run_with_equity(np.arange(50_000) * HOUR, equity))["data"]
    assert len(line["x"]) <= charts.CURVE_POINTS
    assert {1.0, equity.max()} <= set(line["y"])
    assert min(fall["y"]) == pytest.approx(1 / np.maximum.accumulate(equity)[31_234] - 1)


@pytest.mark.django_db
def test_many_trades_are_cut_to_the_largest_and_the_figure_says_so(monkeypatch):
    monkeypatch.setattr(charts, "MAX_MARKED_TRADES", 3)
    table = np.zeros(10, TRADE_DTYPE)
    table["entry_time"] = np.arange(10) * HOUR
    table["exit_time"], table["exit_purpose"] = table["entry_time"] + HOUR, Purpose.EXIT
    table["pnl"] = [0, 5, 0, -9, 0, 1, 0, 0, 7, 0]
    run = make_run(config={"engine": ENGINE | {"end_ms": 20 * HOUR}})
    figure = charts.candles(with_tables(run, trades=table), BTC)
    assert figure["data"][1]["x"] == [1 * HOUR, 3 * HOUR, 8 * HOUR]
    assert "3 of 10 trades" in figure["layout"]["annotations"][0]["text"]
    plotly_accepts(figure)


@pytest.mark.django_db
def test_a_run_without_a_result_has_empty_figures():
    run = make_run()
    plotly_accepts(charts.equity(run))
    plotly_accepts(charts.comparison([run, run]))
    assert charts.equity(run)["data"] == []


def test_a_name_is_inert_in_the_stand_alone_page(whole_run):
    evil = "</script><img src=x onerror=alert(1)>"
    Run.objects.filter(pk=whole_run.pk).update(strategy_name=evil)
    run = Run.objects.select_related("exchange").get(pk=whole_run.pk)
    page = standalone(run)
    assert "<img" not in page.replace(page[page.index("plotly.js v") : -20_000], "")
    assert "&lt;img src=x" in page
    assert "<img" not in charts.to_json(charts.comparison([run, run])).decode()
    figure = page.split('id="equity">')[1].split("</script>")[0]
    assert json.loads(figure)["data"][0]["name"] == "Equity"
