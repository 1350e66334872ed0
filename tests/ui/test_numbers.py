"""Numbers on the desk's pages: what they are called, and how many digits they have."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from cracktrader_site.ui.templatetags import ui
from exchanges.domain import Symbol
from exchanges.models import Exchange
from runs import charts, comparing, formats, marks, narration, series
from runs.models import Run
from runs.report import standalone
from tests.runs.factory import ENGINE, make_run
from tests.runs.finished import finished, prepare_desk
from tests.ui.crowd import HOUR, stepping
from tests.ui.run_pages import page, part

pytestmark = pytest.mark.django_db

CONFIG = {"strategy_params": {}, "exchange": "simulated", "source_hash": "0" * 64}
COSTS = {"fee": 0.00075, "stop_loss": 0.03, "initial_cash": 10_000.0}


@pytest.fixture
def desk(transactional_db, tmp_path, settings):
    settings.CANDLES_DIR = tmp_path / "candles"
    prepare_desk()


def with_engine(**changes: Any) -> Run:
    return make_run(
        status=Run.Status.STOPPED,
        initial_cash=changes.get("initial_cash", 1000.0),
        config=CONFIG | {"engine": ENGINE | changes},
    )


def test_a_fee_of_a_fraction_of_a_percent_is_shown_whole_wherever_it_is_shown(client):
    run, other = with_engine(**COSTS), with_engine()
    Exchange.objects.filter(pk=run.exchange_id).update(taker=0.00075, maker=0.00025)
    asked = f"{run.public_id},{other.public_id}"
    compared = client.get("/ui/compare", {"runs": asked}).content.decode()
    for text in (page(client, run), compared, standalone(run)):
        for shown in ("0.075 %", "3 %", "10,000.00", "100 %"):
            assert shown in text, shown
        assert "0.00075" not in re.sub(r"<pre.*?</pre>", "", text, flags=re.DOTALL)
    venues = client.get("/ui/venues?all=1").content.decode()
    assert "0.075 %" in venues
    assert "0.025 %" in venues
    assert ui.register.filters["rate"](0.00075) == "0.075 %"


def test_settings_are_called_what_the_form_calls_them(client):
    text = page(client, with_engine(max_drawdown=0.2))
    for shown in ("<dt>Venue</dt>", "<dt>From</dt>", "<dt>Largest drawdown</dt><dd>20 %</dd>"):
        assert shown in text, shown
    assert "Each its own part" in text


def test_one_figure_has_one_name_on_every_page(client, desk):
    run, other = finished(), finished(fee=0.002)
    asked = f"{run.public_id},{other.public_id}"
    compared = client.get("/ui/compare", {"runs": asked}).content.decode()
    for text in (page(client, run), compared, standalone(run)):
        assert "Final equity" in text
        assert "Buy and hold" in text
        assert "Final value" not in text
        assert "Benchmark" not in text


def test_the_report_has_the_year_and_the_sign_of_the_page(client, desk):
    run = finished()
    total = formats.signed_percent(run.total_return)
    assert total in part(client, run, "months")
    text = standalone(run).replace("\N{NO-BREAK SPACE}", " ")
    assert f"<strong>{total}</strong>" in text
    rows = re.findall(r'<tr><th scope="row">#\d+</th>.*?</tr>', text)
    assert len(rows) == run.trade_count
    assert all(re.search(r'class="number (up|down)">[+-]', row) for row in rows)


def test_of_a_short_run_it_is_said_that_figures_a_year_say_little(client, desk):
    run = finished(end_date="2024-01-05T00:00:00Z")
    assert "annualised from 4 d" in page(client, run)
    assert "It covers 4 d only" in page(client, run)
    assert "It covers 4 d only" in standalone(run)
    long = with_engine(end_ms=40 * 24 * HOUR)
    assert "It covers" not in page(client, long)
    assert comparing.cautions([run, long])[-1] != ""
    assert any("1 of them covers less than 30 days" in c for c in comparing.cautions([run, long]))


def test_none_is_best_in_what_runs_were_not_given_alike():
    runs = [with_engine(), with_engine(end_ms=40 * HOUR), with_engine(initial_cash=5000.0)]
    for run, value in zip(runs, (1.0, 2.0, 3.0), strict=True):
        run.metrics = {"annual_return": value, "final_value": value, "win_rate": value / 10}
        run.result_hash = "x"
        run.seal = {"config": run.config}
    best = {row.name: any(row.best) for row in comparing.metric_rows(runs)}
    assert not best["Annual return"]
    assert not best["Final equity"]
    assert best["Win rate"]
    same = {row.name: any(row.best) for row in comparing.metric_rows([runs[0], runs[0]])}
    assert not same["Annual return"]
    cash = {row.name: any(row.best) for row in comparing.metric_rows([runs[0], runs[2]])}
    assert cash["Annual return"]
    assert not cash["Final equity"]


def test_a_run_counted_in_a_coin_shows_its_small_money(client):
    run = stepping()
    config = run.config | {"engine": run.config["engine"] | {"symbols": ["ETH/BTC"]}}
    Run.objects.filter(pk=run.pk).update(
        symbols=["ETH/BTC"], config=config, initial_cash=0.5, value=0.5012, cash=0.10004
    )
    home = client.get("/ui/active").content.decode()
    top = part(client, run, "top")
    for shown in ("0.5012", "+0.0012"):
        assert shown in home, shown
        assert shown in top, shown
    assert "0.10004" in top
    run.refresh_from_db()
    figure = charts.equity(run)
    assert figure["data"][0]["hovertemplate"] == "%{y:,.8~r}"


def test_it_is_said_which_profit_of_a_position_is_before_fees(client):
    text = part(client, stepping(), "standing")
    assert "of the prices alone; those of its trade below are after fees" in text


def test_nothing_has_no_sign_and_no_colour():
    for shown in (ui.signed(-0.00001), ui.signed(0.00001), ui.gain(-1e-12), ui.gain(0.0)):
        assert '"num flat">0.00' in shown
    assert '"num down">-0.004' in ui.gain(-0.004)
    assert '"num up">+0.01 %' in ui.signed(0.0001)


def test_a_trade_is_named_as_a_number_not_a_count():
    data = {"trade_id": 0, "amount": 0.5, "symbol": "BTC/USDT", "entry_time": 0}
    told = narration.line("trade.opened", data, datetime.now(UTC))
    assert told.text == "trade #0 opened, 0.5 BTC/USDT"


def test_equity_is_told_at_the_close_it_was_worth_that(desk):
    run = finished()
    time, value = series.curve(run)
    text = charts.equity(run)["layout"]["meta"]["text"]
    assert f"{formats.money(value[-1])} at {formats.moment(int(time[-1]) + HOUR)} UTC" in text
    assert "-0.00" not in text


@pytest.mark.parametrize("limit", [7, 40, 100])
def test_each_mark_is_nearest_to_the_candle_its_trade_was_made_in(desk, monkeypatch, limit):
    run = finished()
    monkeypatch.setattr(charts, "CANDLES", limit)
    figure = charts.candles(run, Symbol("BTC/USDT"))
    candles = figure["data"][0]
    opens = np.asarray(candles["x"])
    width = np.diff(opens).min()
    table = marks.all_trades(run)[0]
    fills = [(row["entry_time"], row["entry_price"]) for row in table]
    fills += [(row["exit_time"], row["exit_price"]) for row in table if row["exit_time"] >= 0]
    assert len(fills) > 4
    for time, price in fills:
        i = np.abs(opens - time).argmin()
        assert abs(opens[i] - time) < width / 2
        # Slippage takes a fill beyond its candle, a little.
        assert candles["low"][i] * 0.999 <= price <= candles["high"][i] * 1.001
