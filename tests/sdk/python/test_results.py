"""Results: complete tables as frames, a plot, and a line that says what came of the run."""

from __future__ import annotations

import asyncio
import builtins
import copy
import pickle
import sys
from typing import Any

import httpx
import pandas as pd
import pytest
from cracktrader import AsyncCrackTraderAPI, AsyncResults, CrackTraderAPI, CrackTraderError, Results
from cracktrader._progress import Progress

HOUR = 3_600_000
BEGIN = 1_704_067_200_000


def trade(number: int, closed: bool = True) -> dict[str, Any]:
    return {
        "trade_id": number,
        "symbol": "BTC/USDT",
        "side": "long",
        "status": "closed" if closed else "open",
        "amount": 0.1,
        "entry_time": f"2024-01-01T{number:02}:00:00Z",
        "entry_price": 100.0,
        "exit_time": f"2024-01-01T{number + 1:02}:00:00Z" if closed else None,
        "exit_price": 101.0 if closed else None,
        "exit_reason": "exit" if closed else None,
        "fees": 0.1,
        "pnl": 1.0,
        "return": 0.01,
        "bars": 1,
        "mood": "of a newer server",
    }


def order(number: int) -> dict[str, Any]:
    return {"order_id": str(number), "timestamp": BEGIN + number * HOUR, "created": BEGIN}


def point(number: int) -> dict[str, Any]:
    value = 10_000.0 + number
    return {
        "timestamp": BEGIN + number * HOUR,
        "value": value,
        "cash": value,
        "drawdown": 0.0,
    }


TABLES = {
    "trades": [trade(n, closed=n < 4) for n in range(5)],
    "orders": [order(n) for n in range(9)],
    "equity": [point(n) for n in range(25)],
}
RESPONSE = {
    "run_id": "r",
    "status": "completed",
    "config": {
        "strategy_name": "TestStrategy",
        "symbols": ["BTC/USDT"],
        "timeframe": "1h",
        "initial_cash": 10_000.0,
    },
    "trades": TABLES["trades"][:2],
    "trades_total": 5,
    "orders": TABLES["orders"],
    "orders_total": 9,
    "equity_curve": TABLES["equity"][::4],
    "performance_metrics": {"max_drawdown": 0.05, "sharpe_ratio": 1.25},
    "final_value": 10_024.0,
    "warnings": ["ROWS_CUT: …"],
}


class Desk:
    """Serves the tables in pages of three."""

    def __init__(self, response: dict[str, Any] = RESPONSE) -> None:
        self.response = response
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        name = request.url.path.rpartition("/")[2]
        self.asked.append(name)
        if name == "results":
            return httpx.Response(200, json=self.response)
        at = int(request.url.params.get("cursor", 0))
        rows = TABLES[name]
        more = str(at + 3) if at + 3 < len(rows) else None
        page = {name: rows[at : at + 3], "total": len(rows), "next_cursor": more}
        return httpx.Response(200, json=page)


def load(desk: Desk) -> Results:
    return CrackTraderAPI(transport=httpx.MockTransport(desk)).load_results("r")


def test_frames_are_complete_indexed_by_time_and_read_when_looked_at() -> None:
    desk = Desk()
    results = load(desk)
    assert desk.asked == ["results"]
    assert list(results.trades["trade_id"]) == [0, 1, 2, 3, 4]
    assert desk.asked == ["results", "trades", "trades"]
    assert list(results.orders["order_id"]) == [str(n) for n in range(9)]
    assert desk.asked == ["results", "trades", "trades"]
    assert len(results.equity) == 25
    assert desk.asked.count("equity") == 9
    assert results.equity is results.equity
    for frame in (results.trades, results.orders, results.equity):
        assert isinstance(frame.index, pd.DatetimeIndex)
        assert str(frame.index.tz) == "UTC"
        assert frame.index[0] == pd.Timestamp("2024-01-01", tz="UTC")
    assert results.trades["exit_time"].isna().tolist() == [False] * 4 + [True]
    assert "mood" in results.trades
    assert list(results.equity) == ["value", "cash", "drawdown"]
    assert results.equity["value"].iloc[-1] == 10_024


def test_asynchronous_results_read_what_is_asked_for() -> None:
    desk = Desk()

    async def get() -> AsyncResults:
        async with AsyncCrackTraderAPI(transport=httpx.MockTransport(desk)) as api:
            results = await api.load_results("r")
            assert desk.asked == ["results"]
            assert len(results.orders) == 9
            with pytest.raises(CrackTraderError, match=r'await results.load\("equity"\)'):
                _ = results.equity
            assert await results.load("equity") is results
            assert "trades" not in desk.asked
            with pytest.raises(ValueError, match="tables are trades"):
                await results.load("equities")
            return await results.load()

    results = asyncio.run(get())
    asked = len(desk.asked)
    assert (len(results.trades), len(results.orders), len(results.equity)) == (5, 9, 25)
    assert len(desk.asked) == asked


def test_copies_have_the_tables_that_are_loaded() -> None:
    results = load(Desk()).load("equity", "orders")
    for copied in (pickle.loads(pickle.dumps(results)), copy.deepcopy(results)):
        assert repr(copied) == repr(results)
        assert len(copied.equity) == 25
        assert len(copied.orders) == 9
        with pytest.raises(CrackTraderError, match="copy of results has no trades"):
            _ = copied.trades
    assert len(results.trades) == 5


def test_a_notebook_shows_the_figures() -> None:
    shown = load(Desk())._repr_html_()
    assert "TestStrategy on BTC/USDT" in shown
    assert "<th style='text-align:left'>sharpe_ratio</th><td>1.25</td>" in shown


def test_a_run_without_trades_has_empty_frames_and_a_plot() -> None:
    nothing = {"trades": [], "trades_total": 0, "orders": [], "orders_total": 0}
    results = load(Desk(RESPONSE | nothing))
    assert len(results.trades) == 0
    assert "pnl" in results.trades
    assert str(results.trades.index.tz) == "UTC"
    assert [trace.name for trace in results.plot().data] == ["equity", "drawdown"]
    still = load(Desk(RESPONSE | nothing | {"equity_curve": []}))
    assert len(still.plot().data) == 2


def test_the_plot_has_equity_trades_and_drawdown() -> None:
    results = load(Desk())
    data = {trace.name: trace for trace in results.plot().data}
    assert list(data) == ["equity", "entries", "exits", "drawdown"]
    assert (len(data["entries"].x), len(data["exits"].x)) == (5, 4)


def test_results_say_in_a_line_what_they_are() -> None:
    results = load(Desk())
    assert repr(results) == (
        "<Results TestStrategy on BTC/USDT 1h, completed, 10,000.00 → 10,024.00 (+0.24%), "
        "5 trades, drawdown 5.00%, Sharpe 1.25>"
    )
    assert (results.run_id, results.status, results.final_value) == ("r", "completed", 10_024)
    assert results.metrics is results.performance_metrics
    assert results.metrics["sharpe_ratio"] == 1.25
    unfinished = {"final_value": None, "performance_metrics": None, "config": None, "trades": None}
    assert "completed" in repr(load(Desk(RESPONSE | unfinished)))


def test_without_its_packages_an_extra_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    results = load(Desk())
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] in ("pandas", "plotly"):
            raise ImportError(name=name)
        return real(name, *args, **kwargs)

    for name in [n for n in sys.modules if n.partition(".")[0] in ("pandas", "plotly")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr("cracktrader._tables.import_module", without)
    with pytest.raises(ImportError, match="pip install pandas, or"):
        _ = results.trades


def test_a_bar_is_shown_where_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    for shown in (None, False):
        with Progress(shown, "starting") as bar:
            bar.tell(0.5, "running")
        assert capsys.readouterr().err == ""
    with Progress(True, "starting") as bar:
        bar.tell(0.5, "running")
    assert "running  50%" in capsys.readouterr().err
