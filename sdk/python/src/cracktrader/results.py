"""What a run came to: figures at once, tables as pandas frames, a plot."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any, Self

from . import _tables, models
from .exceptions import CrackTraderError

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from ._async.client import AsyncCrackTraderAPI
    from ._sync.client import CrackTraderAPI


class ResultsBase:
    """What `Results` and `AsyncResults` share."""

    def __init__(self, response: models.ResultsResponse) -> None:
        self.response = response
        """`GET /results` as it was answered."""
        self._frames: dict[str, pd.DataFrame] = {}
        self._tables: dict[str, list[dict[str, Any]]] = {}

    @property
    def run_id(self) -> str:
        """The id of its run."""
        return self.response.run_id

    @property
    def status(self) -> models.RunnerStatusEnum:
        """Of the run when this was asked."""
        return self.response.status

    @property
    def final_value(self) -> float | None:
        """Cash and positions at the end; None of a run that is not over or stepped no bar."""
        return self.response.final_value

    @property
    def metrics(self) -> Mapping[str, float | None]:
        """By name; ratios are fractions."""
        return self.response.performance_metrics or {}

    performance_metrics = metrics

    @property
    def config(self) -> Mapping[str, Any]:
        """What was run, every default resolved."""
        return self.response.config or {}

    @property
    def warnings(self) -> list[str]:
        """`CODE: message`, of what to know before the figures are believed."""
        return self.response.warnings or []

    @property
    def trades(self) -> pd.DataFrame:
        """All trades, indexed by `entry_time` (UTC).  Frames need pandas."""
        return self._frame("trades")

    @property
    def orders(self) -> pd.DataFrame:
        """All filled orders, indexed by the `time` (UTC) of the bar they filled in."""
        return self._frame("orders")

    @property
    def equity(self) -> pd.DataFrame:
        """`value`, `cash` and `drawdown` at every bar's close, indexed by its open in UTC."""
        return self._frame("equity")

    def plot(self) -> go.Figure:
        """Equity with its trades, and the drawdown.  Needs pandas and plotly."""
        return _tables.figure(self._title(), self.response, self.trades)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._title()}>"

    def _title(self) -> str:
        config, metrics = self.config, self.metrics
        what = [
            f"{config.get('strategy_name')} on {', '.join(config.get('symbols') or [])}"
            f" {config.get('timeframe')}, {self.status}"
        ]
        cash, final = config.get("initial_cash"), self.final_value
        if cash and final is not None:
            what.append(f"{cash:,.2f} → {final:,.2f} ({final / cash - 1:+.2%})")
        what.append(f"{self.response.trades_total} trades")
        drawdown = metrics.get("max_drawdown")
        if drawdown is not None:
            what.append(f"drawdown {abs(drawdown):.2%}")
        sharpe = metrics.get("sharpe_ratio")
        if sharpe is not None:
            what.append(f"Sharpe {sharpe:.2f}")
        return ", ".join(what)

    def _repr_html_(self) -> str:
        """A table of its figures, for notebooks."""
        rows = "".join(
            f"<tr><th style='text-align:left'>{escape(name)}</th><td>{value:,.6g}</td></tr>"
            for name, value in self.metrics.items()
            if isinstance(value, int | float)
        )
        return f"<p><b>{escape(self._title())}</b></p><table>{rows}</table>"

    def __getstate__(self) -> dict[str, Any]:
        """Without the client: a copy has the tables that are loaded."""
        return self.__dict__ | {"_api": None}

    def _frame(self, name: str) -> pd.DataFrame:
        if name not in self._frames:
            self._frames[name] = _tables.frame(name, self._rows(name))
        return self._frames[name]

    def _lacks(self, name: str) -> bool:
        """Whether a table has to be asked for; keeps it where the response has all of it."""
        if name in self._frames or name in self._tables:
            return False
        found = _tables.from_response(self.response, name)
        if found is not None:
            self._tables[name] = found
        return found is None

    def _rows(self, name: str) -> list[dict[str, Any]]:
        raise NotImplementedError


def _checked(names: tuple[str, ...]) -> tuple[str, ...]:
    if not set(names) <= set(_tables.TABLES):
        raise ValueError(f"tables are {', '.join(_tables.TABLES)}")
    return names or _tables.TABLES


def _copied(name: str) -> CrackTraderError:
    return CrackTraderError(
        f"This copy of results has no {name}: load() them before results are copied or pickled"
    )


class Results(ResultsBase):
    """Tables are asked for when they are first looked at."""

    def __init__(self, api: CrackTraderAPI, response: models.ResultsResponse) -> None:
        super().__init__(response)
        self._api: CrackTraderAPI | None = api

    def load(self, *names: str) -> Self:
        """Reads `trades`, `orders`, `equity`, or those named, now; returns itself."""
        for name in _checked(names):
            self._rows(name)
        return self

    def _rows(self, name: str) -> list[dict[str, Any]]:
        from ._sync import tables

        if self._lacks(name):
            if self._api is None:
                raise _copied(name)
            self._tables[name] = tables.rows(self._api, self.run_id, name)
        return self._tables.get(name, [])


class AsyncResults(ResultsBase):
    """`await results.load()` reads the tables; until then there is what the answer had.

    That is all trades and orders unless there are more than 10,000, and no equity.
    """

    def __init__(self, api: AsyncCrackTraderAPI, response: models.ResultsResponse) -> None:
        super().__init__(response)
        self._api: AsyncCrackTraderAPI | None = api

    async def load(self, *names: str) -> Self:
        """Reads `trades`, `orders`, `equity`, or those named; returns itself."""
        from ._async import tables

        for name in _checked(names):
            if self._lacks(name):
                if self._api is None:
                    raise _copied(name)
                self._tables[name] = await tables.rows(self._api, self.run_id, name)
        return self

    def _rows(self, name: str) -> list[dict[str, Any]]:
        if self._lacks(name):
            if self._api is None:
                raise _copied(name)
            raise CrackTraderError(f'Not read yet: await results.load("{name}") first')
        return self._tables[name]
