from __future__ import annotations

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest

from exchanges import queries as market_data
from exchanges.domain import Bars, Purpose, Symbol, Timeframe
from exchanges.market_store import SeriesKey
from runs import charts, marks, palette, recorder, series
from runs.engine import artifacts
from runs.engine.results import TRADE_DTYPE
from runs.models import Artifact, Run
from tests.runs.factory import ENGINE, make_run
from tests.runs.finished import finished, prepare_desk

HOUR = 3_600_000
BTC = Symbol("BTC/USDT")


def plotly_accepts(figure: charts.Figure) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import plotly.graph_objects as go
    go.Figure(json.loads(charts.to_json(figure)))


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
    shown = {trace["name"]: trace for trace in figure["data"][1:]}
    table = marks.all_trades(whole_run)[0]
    own = table[table["symbol"] == 0]
    assert shown["Entry"]["x"] == own["entry_time"].tolist()
    assert shown["Entry"]["y"] == pytest.approx(own["entry_price"].tolist(), rel=1e-8)
    stopped = own[own["exit_purpose"] == Purpose.STOP_LOSS]
    assert len(stopped)
    assert shown["Stop-loss"]["x"] == stopped["exit_time"].tolist()
    exits = sum(len(trace["x"]) for name, trace in shown.items() if name != "Entry")
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


def test_zooming_in_gives_the_stretch_asked_for_and_a_bar_more_on_each_side(whole_run):
    start = whole_run.config["engine"]["start_ms"]
    seen = (start + 24 * HOUR - HOUR // 3, start + 48 * HOUR - HOUR // 3)
    figure = charts.candles(whole_run, BTC, *seen)
    times = [start + hour * HOUR for hour in range(23, 49)]
    assert list(figure["data"][0]["x"]) == times
    assert figure["layout"]["xaxis"]["range"] == list(seen)
    assert "24 bars" in figure["layout"]["meta"]["text"]
    equity = charts.equity(whole_run, *seen)
    assert equity["data"][0]["x"] == times
    assert equity["layout"]["xaxis"]["range"] == list(seen)
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


def test_the_drawdown_of_a_curve_that_never_fell_has_no_axis_above_nothing(whole_run, monkeypatch):
    deep = charts.equity(whole_run)["layout"]["yaxis2"]
    assert "range" not in deep
    whole = series.equity(whole_run)
    flat = replace(whole, drawdown=np.zeros_like(whole.drawdown))
    monkeypatch.setattr(series, "equity", lambda run: flat)
    low, high = charts.equity(whole_run)["layout"]["yaxis2"]["range"]
    assert low < 0 < high < -low


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
    known = [value for value in line["y"] if not np.isnan(value)]
    assert (min(known), max(known)) == (1.0, pytest.approx(equity.max(), rel=1e-8))
    assert min(fall["y"]) == pytest.approx(1 / np.maximum.accumulate(equity)[31_234] - 1)


def test_buy_and_hold_ends_where_its_metric_says(whole_run):
    figure = charts.equity(whole_run)
    (held,) = [trace for trace in figure["data"] if trace["name"] == "Buy and hold"]
    ends = [held["y"][0], held["y"][-1]]
    gain = whole_run.metrics["benchmark_return"]
    cash = whole_run.initial_cash
    assert ends == pytest.approx([cash, cash * (1 + gain)], rel=1e-8)
    exact = series.equity(whole_run).held
    assert exact is not None
    assert exact[-1] / cash - 1 == pytest.approx(gain, abs=1e-12)
    assert held["line"]["dash"] != "solid"
    assert f"{cash * (1 + gain):,.2f}" in figure["layout"]["meta"]["text"]


def test_where_the_candles_have_changed_buy_and_hold_is_left_out_and_that_is_said(
    transactional_db, settings, tmp_path
):
    settings.CANDLES_DIR = tmp_path
    prepare_desk()
    run = finished()
    assert len(charts.equity(run)["data"]) == 3
    store, hour = market_data.store(), Timeframe.parse("1h")
    key = SeriesKey("simulated", BTC, hour)
    last = store.read(key, *series.span(run))[-1:]
    columns = (last.open, last.high * 2, last.low, last.close * 1.5, last.volume)
    store.write(key, Bars(BTC, hour, last.time, *columns))
    figure = charts.equity(run)
    assert [trace["name"] for trace in figure["data"]] == ["Equity", "Drawdown"]
    assert "candles have changed" in figure["layout"]["annotations"][0]["text"]
    plotly_accepts(figure)


@pytest.mark.django_db
def test_zoomed_in_the_drawdown_is_still_from_the_highest_equity_of_the_run():
    time, equity = np.arange(50_000), np.full(50_000, 500.0)
    equity[10] = 1000.0
    run = run_with_equity(time * HOUR, equity)
    line, fall = charts.equity(run, 40_000 * HOUR, 40_100 * HOUR)["data"]
    assert line["x"] == fall["x"] == (time[39_999:40_101] * HOUR).tolist()
    assert set(fall["y"]) == {-0.5}
    outside = charts.equity(run, 60_000 * HOUR, 60_100 * HOUR)
    assert outside["data"][0]["x"] == []
    plotly_accepts(outside)


@pytest.mark.django_db
def test_a_year_of_minutes_is_a_small_figure():
    minutes = np.arange(525_600)
    equity = 1000 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.001, len(minutes))))
    run = run_with_equity(minutes * 60_000, equity)
    Run.objects.filter(pk=run.pk).update(timeframe="1m")
    run.timeframe = "1m"
    assert len(charts.to_json(charts.equity(run))) < 150_000


@pytest.mark.django_db
def test_eight_runs_are_told_apart_without_colour():
    time = np.arange(100) * HOUR
    runs = [run_with_equity(time, np.linspace(1000, 1000 + n, 100)) for n in range(8)]
    lines = charts.comparison(runs)["data"]
    assert len(lines) == charts.MOST_COMPARED == 8
    assert len({trace["line"]["color"] for trace in lines}) == 8
    assert len({trace["line"]["dash"] for trace in lines}) == 8
    assert [trace["y"][-1] for trace in lines] == pytest.approx([n / 1000 for n in range(8)])


def luminance(colour: str) -> float:
    """Of WCAG 2.2, relative."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("page", ["#ffffff", "#111827"])
@pytest.mark.parametrize("colour", palette.COLOURS)
def test_each_colour_stands_out_on_a_light_and_on_a_dark_page(colour, page):
    low, high = sorted((luminance(colour), luminance(page)))
    assert (high + 0.05) / (low + 0.05) >= 3


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
