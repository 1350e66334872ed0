"""The table of trades: what is shown of them, in which order, against plain Python."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from django.test import Client, RequestFactory
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st

from cracktrader_site.ui.pages import run_trades
from cracktrader_site.ui.pages.run_trades import COLUMNS, OUTCOMES, Asked, choose
from exchanges.domain import Purpose
from runs import recorder
from runs.engine import artifacts
from runs.engine.results import ORDER_DTYPE, PENDING_DTYPE, TRADE_DTYPE, Simulation
from runs.models import Artifact, Run
from tests.runs.factory import ENGINE, make_run
from tests.runs.papers import desk  # noqa: F401

SYMBOLS = ["ETH/USDT", "BTC/USDT", "SOL/USDT"]
LEAVES = [Purpose.EXIT, Purpose.STOP_LOSS, Purpose.TAKE_PROFIT, Purpose.FLATTEN]
few = st.sampled_from([-2.0, -1.0, 0.0, 1.0, 2.5])


@st.composite
def tables(draw: Any) -> Any:
    rows = []
    for _ in range(draw(st.integers(0, 12))):
        is_open = draw(st.booleans())
        rows.append(
            (
                draw(st.integers(0, 2)),
                draw(st.integers(0, 3)) * 3_600_000,
                -1 if is_open else draw(st.integers(3, 6)) * 3_600_000,
                draw(few) + 10,
                draw(few) + 10,
                draw(few) + 3,
                draw(few) + 3,
                draw(few),
                draw(few),
                draw(st.integers(0, 3)),
                -1 if is_open else int(draw(st.sampled_from(LEAVES))),
            )
        )
    return np.array(rows, TRADE_DTYPE)


asked = st.builds(
    Asked,
    sort=st.sampled_from(list(COLUMNS)),
    descending=st.booleans(),
    symbol=st.sampled_from(["", *SYMBOLS]),
    outcome=st.sampled_from(["", *OUTCOMES]),
    reason=st.sampled_from(["", "exit", "stop_loss", "manual"]),
)


def plainly(table: Any, numbers: Any, wanted: Asked) -> list[int]:
    """The same with lists, dicts and `sorted`."""
    rows = []
    for row, number in zip(table, numbers.tolist(), strict=True):
        is_open = row["exit_time"] < 0
        rows.append(
            {
                "number": number,
                "symbol": SYMBOLS[row["symbol"]],
                "entry": row["entry_time"],
                "entry_price": row["entry_price"],
                "exit": None if is_open else row["exit_time"],
                "exit_price": None if is_open else row["exit_price"],
                "reason": None if is_open else Purpose(row["exit_purpose"]).name.lower(),
                **{name: row[name] for name in ("amount", "fees", "pnl", "return", "bars")},
            }
        )
    if wanted.symbol:
        rows = [row for row in rows if row["symbol"] == wanted.symbol]
    if wanted.reason:
        rows = [row for row in rows if row["reason"] == wanted.reason]
    if wanted.outcome == "open":
        rows = [row for row in rows if row["exit"] is None]
    elif wanted.outcome:
        sign = 1 if wanted.outcome == "won" else -1
        rows = [row for row in rows if row["exit"] is not None and row["pnl"] * sign > 0]
    rows.sort(key=lambda row: row["number"])
    known = [row for row in rows if row[wanted.sort] is not None]
    # Python's sort keeps equals in place, also when it is reversed.
    known.sort(key=lambda row: row[wanted.sort], reverse=wanted.descending)
    return [row["number"] for row in [*known, *(r for r in rows if r[wanted.sort] is None)]]


@settings(max_examples=150, deadline=None)
@given(table=tables(), wanted=asked, seed=st.integers(0, 9))
def test_sorted_and_filtered_it_is_what_plain_python_makes_of_it(table, wanted, seed):
    numbers = np.random.default_rng(seed).permutation(len(table)).astype(np.int64)
    rows = choose(table, numbers, SYMBOLS, wanted)
    assert numbers[rows].tolist() == plainly(table, numbers, wanted)


@pytest.mark.parametrize(
    "query",
    [
        *("sort=nonsense", "sort=--pnl", "sort=-", "symbol=DOGE/USDT", "outcome=<script>"),
        *("reason=1", "page=-1", "page=٣", "page=99999999999999999999", "page=", "sort=%00"),
    ],
)
@pytest.mark.django_db
def test_what_means_nothing_is_left_out(query):
    run = make_run(status="completed")
    found = Asked.of(RequestFactory().get(f"/?{query}"), run)
    assert found.query(run) == ""


@pytest.mark.django_db
def test_an_address_says_what_is_shown_and_nothing_else():
    run = make_run(status="completed", symbols=SYMBOLS)
    query = "?sort=-pnl&symbol=BTC%2FUSDT&outcome=won&reason=stop_loss&page=3"
    assert Asked.of(RequestFactory().get(f"/{query}"), run).query(run) == query
    run = make_run(status="running", mode="paper")
    assert Asked.of(RequestFactory().get("/"), run).descending


# --- the page's part -------------------------------------------------------------------------


def traded(count: int) -> Run:
    """A finished backtest with so many trades."""
    rng = np.random.default_rng(1)
    trades = np.zeros(count, TRADE_DTYPE)
    trades["symbol"] = rng.integers(0, 3, count)
    trades["entry_time"] = np.arange(count) * 3_600_000
    trades["exit_time"] = trades["entry_time"] + 3_600_000
    trades["exit_purpose"] = rng.choice([int(p) for p in LEAVES], count)
    for name in ("entry_price", "exit_price", "amount", "fees"):
        trades[name] = rng.uniform(1, 2, count)
    trades["pnl"], trades["return"] = rng.normal(0, 100, count), rng.normal(0, 0.01, count)
    one = np.zeros(1)
    simulation = Simulation(
        np.zeros(1, np.int64), one, one, np.zeros((1, 3)), np.zeros(0, ORDER_DTYPE), trades,
        np.zeros(0, PENDING_DTYPE), np.zeros(3),
    )  # fmt: skip
    content, rows = artifacts.encode(simulation)["trades"]
    seal = {
        "config": {"engine": ENGINE},
        "source_hash": "0" * 64,
        "candle_hashes": dict.fromkeys(SYMBOLS, "1" * 64),
        "versions": {"python": "3", "engine": "2" * 64},
    }
    run = make_run(status="completed", symbols=SYMBOLS, result_hash="a" * 64, seal=seal)
    Artifact.objects.create(
        run=run, name="trades", sha256=recorder.store(content), size=len(content), rows=rows
    )
    return run


def part(client: Client, run: Run, query: str = "", **headers: str) -> Any:
    path = reverse("ui:run_trades", args=[run.public_id])
    answer = client.get(f"{path}{query}", headers={"HX-Request": "true", **headers})
    assert answer.status_code == 200
    return answer


def shown(answer: Any) -> list[int]:
    return [int(n) for n in re.findall(r'<th scope="row"[^>]*>#(\d+)<', answer.content.decode())]


def test_of_a_hundred_thousand_trades_one_page_is_made(desk, client, monkeypatch):  # noqa: F811
    run = traded(100_000)
    made = []
    rows = run_trades.tables.trades

    def counted(table: Any, *args: Any) -> Any:
        made.append(len(table))
        return rows(table, *args)

    monkeypatch.setattr(run_trades.tables, "trades", counted)
    answer = part(client, run, "?sort=-pnl&outcome=won&page=3")
    assert made == [50]
    assert len(answer.content) < 60_000
    table = artifacts.decode("trades", recorder.load(run.artifacts.get(name="trades")))
    best = np.argsort(-table["pnl"], kind="stable")[100:150]
    assert shown(answer) == best.tolist()
    text = answer.content.decode()
    assert f"101 to 150 of {np.count_nonzero(table['pnl'] > 0):,}" in text
    assert 'aria-sort="descending"' in text


def test_a_page_beyond_the_last_is_the_last(desk, client):  # noqa: F811
    run = traded(120)
    assert shown(part(client, run, "?page=99")) == list(range(100, 120))


def test_the_page_s_address_follows_what_the_reader_asks_for(desk, client):  # noqa: F811
    run = traded(60)
    answer = part(client, run, "?sort=-pnl", **{"HX-Trigger": "trades-by-pnl"})
    assert answer["HX-Replace-Url"] == f"/ui/runs/{run.public_id}?sort=-pnl"
    # The table itself asks when the page is opened and when the run has moved.
    assert "HX-Replace-Url" not in part(client, run, "?sort=-pnl", **{"HX-Trigger": "trades"})
    page = client.get(f"/ui/runs/{run.public_id}?sort=-pnl&page=2").content.decode()
    assert "/trades?sort=-pnl&amp;page=2" in page
    link = reverse("ui:run_trades", args=[run.public_id])
    assert client.get(f"{link}?sort=-pnl")["Location"] == f"/ui/runs/{run.public_id}?sort=-pnl"


def test_no_trade_and_no_trade_like_that_are_said(desk, client):  # noqa: F811
    assert "never traded" in part(client, traded(0)).content.decode()
    assert "No trade matches" in part(client, traded(3), "?reason=manual").content.decode()
