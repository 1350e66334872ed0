"""The asynchronous client: a method for each endpoint, and what is built of them."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import quote
from uuid import UUID

import httpx

from cracktrader import _settings, models
from cracktrader._retry import Call, Policy, of_run, of_sweep, within
from cracktrader._stream import AsyncEvents
from cracktrader._values import (
    Moment,
    RunId,
    checked_key,
    given,
    moment,
    query,
    required,
    symbol_list,
)
from cracktrader.results import AsyncResults

from . import stream, sweeps, waiting
from .link import AsyncLink
from .live import AsyncLiveRun
from .session import AsyncSession, M


class AsyncCrackTraderAPI:
    """A Cracktrader server.

    `api_key` falls back to CRACKTRADER_API_KEY and `base_url` to CRACKTRADER_URL; the server's
    address works with and without `/api/v1`.  Every method raises
    `CrackTraderError`; `cracktrader.errors` has a class for each code.  Threads and tasks share
    a client: they wait for the server's limit together.
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        timeout: float = 30.0,
        max_retries: int = 5,
        rate_limit_wait: float = 300.0,
        stall_seconds: float = 30.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`timeout`: the seconds of a request, and of a silence while its answer comes.

        `max_retries`: of what failed and can be repeated.  `rate_limit_wait`: the seconds that a
        call waits for the server's limit on requests; 0 raises RateLimited at once.  Waiting for
        a run and reading its results wait as long as their own `timeout` allows.

        `stall_seconds`: the silence after which an event stream connects anew.

        `transport`: httpx's, in place of the network.
        """
        settings = _settings.resolve(api_key, base_url)
        self._session = AsyncSession(
            settings, timeout, Policy(max_retries, rate_limit_wait), transport
        )
        self._stall_seconds = stall_seconds

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._session.settings.root!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Closes the connections; runs go on."""
        await self._session.aclose()

    # --- the server ---------------------------------------------------------------------

    async def health(self) -> models.HealthResponse:
        """Database, queue, workers, disk, candle store, feed and clock; wants no key."""
        return await self._session.get(models.HealthResponse, "/health")

    async def get_meta(self) -> models.MetaResponse:
        """Versions, what is going to change, limits, and who is asking."""
        return await self._session.get(models.MetaResponse, "/meta")

    async def get_status(self, run_id: RunId | None = None) -> models.StatusResponse:
        """Of the current run, or of one."""
        return await self._session.get(models.StatusResponse, "/status", query(run_id=run_id))

    async def get_detailed_status(
        self, run_id: RunId | None = None
    ) -> models.DetailedStatusResponse:
        """And its progress, health, positions, pending orders, last trades and orders."""
        return await self._session.get(
            models.DetailedStatusResponse, "/status/detailed", query(run_id=run_id)
        )

    # --- starting and stopping ----------------------------------------------------------

    async def start_backtest(
        self,
        strategy_name: str,
        symbols: str | Sequence[str],
        timeframe: str,
        *,
        exchange: str,
        strategy_params: Mapping[str, Any] | None = None,
        start_date: Moment | None = None,
        end_date: Moment | None = None,
        initial_cash: float | None = None,
        fee: float | None = None,
        slippage: float | None = None,
        stop_loss: float | None = None,
        take_profit: float | None = None,
        trailing_stop: float | None = None,
        position_size: float | None = None,
        max_drawdown: float | None = None,
        daily_loss: float | None = None,
        cash: models.CashEnum | None = None,
        idempotency_key: str | None = None,
    ) -> models.RunResponse:
        """Starts a backtest and does not wait for it.

        Dates are ISO 8601 with a zone, datetimes, or days (midnight UTC); without them the last
        1,000 closed bars.  Ratios are fractions.  What is left out takes the server's default.
        The same `idempotency_key` with the same body gives the same run; by default each call
        has one of its own, so that no lost answer makes a second run.
        """
        required(
            strategy_name=strategy_name, symbols=symbols, timeframe=timeframe, exchange=exchange
        )
        body = given(
            strategy_name=strategy_name,
            symbols=symbol_list(symbols),
            timeframe=timeframe,
            exchange=exchange,
            strategy_params=strategy_params,
            start_date=moment(start_date, "start_date"),
            end_date=moment(end_date, "end_date"),
            initial_cash=initial_cash,
            fee=fee,
            slippage=slippage,
            stop_loss=stop_loss,
            take_profit=take_profit,
            trailing_stop=trailing_stop,
            position_size=position_size,
            max_drawdown=max_drawdown,
            daily_loss=daily_loss,
            cash=cash,
        )
        return await self._start(models.RunResponse, "/run/backtest", body, idempotency_key)

    async def run_backtest(
        self,
        strategy_name: str,
        symbols: str | Sequence[str],
        timeframe: str,
        *,
        exchange: str,
        strategy_params: Mapping[str, Any] | None = None,
        start_date: Moment | None = None,
        end_date: Moment | None = None,
        initial_cash: float | None = None,
        fee: float | None = None,
        slippage: float | None = None,
        stop_loss: float | None = None,
        take_profit: float | None = None,
        trailing_stop: float | None = None,
        position_size: float | None = None,
        max_drawdown: float | None = None,
        daily_loss: float | None = None,
        cash: models.CashEnum | None = None,
        idempotency_key: str | None = None,
        progress: bool | None = None,
        timeout: float | None = None,
    ) -> AsyncResults:
        """Starts a backtest as `start_backtest` does, waits for it, and gives its results.

        `progress`: whether to show a bar; default: on terminals and in notebooks.
        `timeout`: the longest wait in seconds, for the limit on requests too.  An interrupt
        or a time-out ends the waiting, not the run.  Raises RunFailed where the run has
        failed.
        """
        began = time.monotonic()
        with within(timeout):
            started = await self.start_backtest(
                strategy_name,
                symbols,
                timeframe,
                exchange=exchange,
                strategy_params=strategy_params,
                start_date=start_date,
                end_date=end_date,
                initial_cash=initial_cash,
                fee=fee,
                slippage=slippage,
                stop_loss=stop_loss,
                take_profit=take_profit,
                trailing_stop=trailing_stop,
                position_size=position_size,
                max_drawdown=max_drawdown,
                daily_loss=daily_loss,
                cash=cash,
                idempotency_key=idempotency_key,
            )
            left = None if timeout is None else began + timeout - time.monotonic()
            return await self._results_of(started, left, progress)

    async def start_live(
        self,
        strategy_name: str,
        symbols: str | Sequence[str],
        timeframe: str,
        *,
        exchange: str,
        mode: Literal["paper", "live"] = "paper",
        exchange_config: Mapping[str, Any] | None = None,
        strategy_params: Mapping[str, Any] | None = None,
        initial_cash: float | None = None,
        confirm_live: bool | None = None,
        replay: Mapping[str, Any] | None = None,
        fee: float | None = None,
        slippage: float | None = None,
        stop_loss: float | None = None,
        take_profit: float | None = None,
        trailing_stop: float | None = None,
        position_size: float | None = None,
        max_drawdown: float | None = None,
        daily_loss: float | None = None,
        cash: models.CashEnum | None = None,
        idempotency_key: str | None = None,
    ) -> AsyncLiveRun:
        """Starts a paper run, or with `mode="live"` and `confirm_live=True` one with real orders.

        `replay` (`start_date`, `end_date`, `speed`; `{}` for all defaults) plays bars of the past
        instead.  The answer is a handle on the run: its events, its end, its results.
        """
        if replay is not None:
            dates = {name: moment(replay.get(name), name) for name in ("start_date", "end_date")}
            replay = {**replay, **given(**dates)}
        required(
            strategy_name=strategy_name, symbols=symbols, timeframe=timeframe, exchange=exchange
        )
        body = given(
            strategy_name=strategy_name,
            symbols=symbol_list(symbols),
            timeframe=timeframe,
            exchange=exchange,
            mode=mode,
            exchange_config=exchange_config,
            strategy_params=strategy_params,
            initial_cash=initial_cash,
            confirm_live=confirm_live,
            replay=replay,
            fee=fee,
            slippage=slippage,
            stop_loss=stop_loss,
            take_profit=take_profit,
            trailing_stop=trailing_stop,
            position_size=position_size,
            max_drawdown=max_drawdown,
            daily_loss=daily_loss,
            cash=cash,
        )
        started = await self._start(models.RunResponse, "/run/live", body, idempotency_key)
        return AsyncLiveRun(self, started)

    async def stop_run(
        self, run_id: RunId | None = None, *, flatten: bool = False
    ) -> models.RunResponse:
        """Stops the current run, or one.  `flatten` sells what it holds first, at the next open."""
        body = given(run_id=None if run_id is None else str(run_id)) | {"flatten": flatten}
        # Without a name a repetition could stop another run than the first one did.
        call = Call("POST", "/run/stop", body=body, repeatable=run_id is not None)
        return await self._session.call(models.RunResponse, call)

    async def reset_runner(self) -> models.RunResponse:
        """There is no current run any more; the history stays.  RUN_ACTIVE while one goes on."""
        return await self._session.call(models.RunResponse, Call("DELETE", "/run/reset"))

    async def wait_for_run(
        self,
        run_id: RunId,
        *,
        timeout: float | None = None,
        progress: bool | None = None,
    ) -> models.RunDetail:
        """The run once it is over, however it ended.  Raises TimedOut; the run goes on then."""
        with of_run(str(run_id)), within(timeout):
            run = await waiting.until_over(self, str(run_id), timeout, progress)
            return run if isinstance(run, models.RunDetail) else await self.get_run(run_id)

    # --- results ------------------------------------------------------------------------

    async def get_results(self, run_id: RunId | None = None) -> models.ResultsResponse:
        """Everything of the last run, or of one; its first 10,000 trades and orders at most."""
        return await self._session.get(models.ResultsResponse, "/results", query(run_id=run_id))

    async def load_results(self, run_id: RunId) -> AsyncResults:
        """As `run_backtest` gives them: with complete tables, as pandas frames, and a plot."""
        with of_run(str(run_id)), within(None):
            return AsyncResults(self, await self.get_results(run_id))

    async def list_runs(
        self,
        *,
        status: models.RunStatusEnum | None = None,
        mode: models.RunModeEnum | None = None,
        strategy_name: str | None = None,
        exchange: str | None = None,
        symbol: str | None = None,
        order: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> models.RunPage:
        """A page of runs, newest first unless `order` says otherwise."""
        params = query(
            status=status,
            mode=mode,
            strategy_name=strategy_name,
            exchange=exchange,
            symbol=symbol,
            order=order,
            limit=limit,
            cursor=cursor,
        )
        return await self._session.get(models.RunPage, "/runs", params)

    async def iterate_runs(
        self,
        *,
        status: models.RunStatusEnum | None = None,
        mode: models.RunModeEnum | None = None,
        strategy_name: str | None = None,
        exchange: str | None = None,
        symbol: str | None = None,
        order: str | None = None,
    ) -> AsyncIterator[models.RunSummary]:
        """All of them, page by page."""
        cursor: str | None = None
        while True:
            page = await self.list_runs(
                status=status,
                mode=mode,
                strategy_name=strategy_name,
                exchange=exchange,
                symbol=symbol,
                order=order,
                limit=500,
                cursor=cursor,
            )
            for run in page:
                yield run
            cursor = page.next_cursor
            if cursor is None:
                return

    async def get_run(self, run_id: RunId) -> models.RunDetail:
        """What was asked, what was run, and what came of it."""
        return await self._session.get(models.RunDetail, f"/runs/{_part(run_id=run_id)}")

    async def get_trades(
        self, run_id: RunId, *, limit: int | None = None, cursor: str | None = None
    ) -> models.TradesPage:
        """A page of a run's trades: with entry, exit, fees and profit."""
        params = query(limit=limit, cursor=cursor)
        return await self._session.get(
            models.TradesPage, f"/runs/{_part(run_id=run_id)}/trades", params
        )

    async def iterate_trades(self, run_id: RunId) -> AsyncIterator[models.TradeSchema]:
        """All of a run's trades, page by page."""
        cursor: str | None = None
        while True:
            page = await self.get_trades(run_id, limit=10_000, cursor=cursor)
            for trade in page:
                yield trade
            cursor = page.next_cursor
            if cursor is None:
                return

    async def get_run_orders(
        self, run_id: RunId, *, limit: int | None = None, cursor: str | None = None
    ) -> models.OrdersPage:
        """A page of the orders a run has filled."""
        params = query(limit=limit, cursor=cursor)
        return await self._session.get(
            models.OrdersPage, f"/runs/{_part(run_id=run_id)}/orders", params
        )

    async def iterate_run_orders(self, run_id: RunId) -> AsyncIterator[models.OrderSchema]:
        """All of them, page by page."""
        cursor: str | None = None
        while True:
            page = await self.get_run_orders(run_id, limit=10_000, cursor=cursor)
            for order in page:
                yield order
            cursor = page.next_cursor
            if cursor is None:
                return

    async def get_equity(
        self, run_id: RunId, *, limit: int | None = None, cursor: str | None = None
    ) -> models.EquityPage:
        """A page of the whole equity curve: a point for each bar."""
        params = query(limit=limit, cursor=cursor)
        return await self._session.get(
            models.EquityPage, f"/runs/{_part(run_id=run_id)}/equity", params
        )

    async def iterate_equity(self, run_id: RunId) -> AsyncIterator[models.EquityPointSchema]:
        """All of it, page by page."""
        cursor: str | None = None
        while True:
            page = await self.get_equity(run_id, limit=10_000, cursor=cursor)
            for point in page:
                yield point
            cursor = page.next_cursor
            if cursor is None:
                return

    async def get_events(
        self, run_id: RunId, since: int | None = None, *, limit: int | None = None
    ) -> models.EventPage:
        """What happened to a run after the event `since`; `stream_events` tells it as it comes."""
        params = query(since=since, limit=limit)
        return await self._session.get(
            models.EventPage, f"/runs/{_part(run_id=run_id)}/events", params
        )

    async def iterate_events(
        self, run_id: RunId, since: int = 0
    ) -> AsyncIterator[models.EventSchema]:
        """All that has happened to a run so far, after the event `since`, page by page."""
        while True:
            page = await self.get_events(run_id, since, limit=10_000)
            for event in page:
                yield event
                since = event.seq
            if len(page) < 10_000:
                return

    async def get_artifacts(self, run_id: RunId) -> models.ArtifactList:
        """The files a run has left: its tables as Parquet."""
        return await self._session.get(
            models.ArtifactList, f"/runs/{_part(run_id=run_id)}/artifacts"
        )

    async def download_artifact(
        self, run_id: RunId, name: str, to: str | Path | None = None
    ) -> bytes:
        """A table as Parquet; written to the file `to` besides, if one is named."""
        call = Call("GET", f"/runs/{_part(run_id=run_id)}/artifacts/{_part(name=name)}")
        content = (await self._session.send(call)).content
        if to is not None:
            Path(to).write_bytes(content)
        return content

    async def get_drift(self, run_id: RunId) -> models.DriftResponse:
        """How far a paper run is from a backtest over its window; takes seconds."""
        return await self._session.get(models.DriftResponse, f"/runs/{_part(run_id=run_id)}/drift")

    # --- sweeps -------------------------------------------------------------------------

    async def start_sweep(
        self,
        strategy_name: str,
        symbols: str | Sequence[str],
        timeframe: str | None = None,
        *,
        space: Mapping[str, Any],
        exchange: str,
        timeframes: Sequence[str] | None = None,
        each_symbol: bool | None = None,
        sampler: models.SamplerEnum | None = None,
        trials: int | None = None,
        seed: int | None = None,
        objective: str | None = None,
        maximize: bool | None = None,
        walk_forward: Mapping[str, Any] | None = None,
        strategy_params: Mapping[str, Any] | None = None,
        start_date: Moment | None = None,
        end_date: Moment | None = None,
        initial_cash: float | None = None,
        fee: float | None = None,
        slippage: float | None = None,
        stop_loss: float | None = None,
        take_profit: float | None = None,
        trailing_stop: float | None = None,
        position_size: float | None = None,
        max_drawdown: float | None = None,
        daily_loss: float | None = None,
        cash: models.CashEnum | None = None,
        idempotency_key: str | None = None,
    ) -> models.SweepStarted:
        """Starts a sweep on the server and does not wait for it.

        `space` says what is varied: `{"fast_period": [5, 10, 20], "slow_period": {"min": 20,
        "max": 200, "step": 5}, "run.stop_loss": {"min": 0.01, "max": 0.1, "log": True}}`.  Either
        `timeframe` or `timeframes`.  `walk_forward`: `{"in_sample": 2000, "out_of_sample": 500}`
        bars.  `sampler` is grid, random or tpe; the latter two need `trials`.  All else as in
        `start_backtest`.
        """
        required(strategy_name=strategy_name, symbols=symbols, space=space, exchange=exchange)
        body = given(
            strategy_name=strategy_name,
            symbols=symbol_list(symbols),
            timeframe=timeframe,
            timeframes=None if timeframes is None else list(timeframes),
            exchange=exchange,
            space=space,
            each_symbol=each_symbol,
            sampler=sampler,
            trials=trials,
            seed=seed,
            objective=objective,
            maximize=maximize,
            walk_forward=walk_forward,
            strategy_params=strategy_params,
            start_date=moment(start_date, "start_date"),
            end_date=moment(end_date, "end_date"),
            initial_cash=initial_cash,
            fee=fee,
            slippage=slippage,
            stop_loss=stop_loss,
            take_profit=take_profit,
            trailing_stop=trailing_stop,
            position_size=position_size,
            max_drawdown=max_drawdown,
            daily_loss=daily_loss,
            cash=cash,
        )
        return await self._start(models.SweepStarted, "/run/sweep", body, idempotency_key)

    async def run_sweep(
        self,
        strategy_name: str,
        symbols: str | Sequence[str],
        timeframe: str | None = None,
        *,
        space: Mapping[str, Any],
        exchange: str,
        timeframes: Sequence[str] | None = None,
        each_symbol: bool | None = None,
        sampler: models.SamplerEnum | None = None,
        trials: int | None = None,
        seed: int | None = None,
        objective: str | None = None,
        maximize: bool | None = None,
        walk_forward: Mapping[str, Any] | None = None,
        strategy_params: Mapping[str, Any] | None = None,
        start_date: Moment | None = None,
        end_date: Moment | None = None,
        initial_cash: float | None = None,
        fee: float | None = None,
        slippage: float | None = None,
        stop_loss: float | None = None,
        take_profit: float | None = None,
        trailing_stop: float | None = None,
        position_size: float | None = None,
        max_drawdown: float | None = None,
        daily_loss: float | None = None,
        cash: models.CashEnum | None = None,
        idempotency_key: str | None = None,
        progress: bool | None = None,
        on_progress: Callable[[models.SweepDetail], None] | None = None,
        timeout: float | None = None,
    ) -> models.SweepDetail:
        """Starts a sweep as `start_sweep` does, waits for it, and says what came of it.

        `progress`, `timeout`: as of `run_backtest`.  `on_progress` is called with the sweep each
        time it is looked at.  Raises SweepFailed where it has failed.
        """
        began = time.monotonic()
        with within(timeout):
            started = await self.start_sweep(
                strategy_name,
                symbols,
                timeframe,
                space=space,
                exchange=exchange,
                timeframes=timeframes,
                each_symbol=each_symbol,
                sampler=sampler,
                trials=trials,
                seed=seed,
                objective=objective,
                maximize=maximize,
                walk_forward=walk_forward,
                strategy_params=strategy_params,
                start_date=start_date,
                end_date=end_date,
                initial_cash=initial_cash,
                fee=fee,
                slippage=slippage,
                stop_loss=stop_loss,
                take_profit=take_profit,
                trailing_stop=trailing_stop,
                position_size=position_size,
                max_drawdown=max_drawdown,
                daily_loss=daily_loss,
                cash=cash,
                idempotency_key=idempotency_key,
            )
            left = None if timeout is None else began + timeout - time.monotonic()
            with of_sweep(started.sweep_id):
                sweep = await sweeps.until_over(self, started.sweep_id, left, progress, on_progress)
                sweeps.refuse_failed(sweep)
                return sweep

    async def wait_for_sweep(
        self,
        sweep_id: str | UUID,
        *,
        timeout: float | None = None,
        progress: bool | None = None,
        on_progress: Callable[[models.SweepDetail], None] | None = None,
    ) -> models.SweepDetail:
        """The sweep once it is over, however it ended.  Raises TimedOut; it goes on then."""
        with of_sweep(str(sweep_id)):
            return await sweeps.until_over(self, str(sweep_id), timeout, progress, on_progress)

    async def list_sweeps(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> models.SweepPage:
        """A page of sweeps, newest first."""
        params = query(limit=limit, cursor=cursor)
        return await self._session.get(models.SweepPage, "/sweeps", params)

    async def iterate_sweeps(self) -> AsyncIterator[models.SweepSummary]:
        """All of them, page by page."""
        cursor: str | None = None
        while True:
            page = await self.list_sweeps(limit=500, cursor=cursor)
            for sweep in page:
                yield sweep
            cursor = page.next_cursor
            if cursor is None:
                return

    async def get_sweep(self, sweep_id: str | UUID) -> models.SweepDetail:
        """How far it is, its best trial, and whether that may be luck."""
        return await self._session.get(models.SweepDetail, f"/sweeps/{_part(sweep_id=sweep_id)}")

    async def stop_sweep(self, sweep_id: str | UUID) -> models.SweepStarted:
        """Ends it; trials that are done stay."""
        path = f"/sweeps/{_part(sweep_id=sweep_id)}/stop"
        call = Call("POST", path, body={}, repeatable=True)
        return await self._session.call(models.SweepStarted, call)

    async def delete_sweep(self, sweep_id: str | UUID) -> models.SweepStarted:
        """Deletes one that is over, with its trials; runs made of them stay.

        Sent again after a lost answer it may say SWEEP_NOT_FOUND: it is deleted then.
        """
        call = Call("DELETE", f"/sweeps/{_part(sweep_id=sweep_id)}", repeatable=True)
        return await self._session.call(models.SweepStarted, call)

    async def list_sweep_trials(
        self,
        sweep_id: str | UUID,
        *,
        sort: str | None = None,
        segment: int | None = None,
        variation: int | None = None,
        failed: bool | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> models.TrialPage:
        """A page of a sweep's trials, by number unless `sort` says otherwise.

        `sort`: number, objective, total_return, sharpe_ratio, max_drawdown or trade_count, or
        a parameter, `param:fast_period`; the greatest first with `-` before it.
        """
        params = query(
            sort=sort,
            segment=segment,
            variation=variation,
            failed=failed,
            limit=limit,
            cursor=cursor,
        )
        return await self._session.get(
            models.TrialPage, f"/sweeps/{_part(sweep_id=sweep_id)}/trials", params
        )

    async def iterate_sweep_trials(
        self,
        sweep_id: str | UUID,
        *,
        sort: str | None = None,
        segment: int | None = None,
        variation: int | None = None,
        failed: bool | None = None,
    ) -> AsyncIterator[models.TrialSchema]:
        """All of them, page by page."""
        cursor: str | None = None
        while True:
            page = await self.list_sweep_trials(
                sweep_id,
                sort=sort,
                segment=segment,
                variation=variation,
                failed=failed,
                limit=5_000,
                cursor=cursor,
            )
            for trial in page:
                yield trial
            cursor = page.next_cursor
            if cursor is None:
                return

    async def get_trial(self, sweep_id: str | UUID, number: int) -> models.TrialSchema:
        """One trial of a sweep."""
        path = f"/sweeps/{_part(sweep_id=sweep_id)}/trials/{_part(number=number)}"
        return await self._session.get(models.TrialSchema, path)

    async def start_trial(
        self,
        sweep_id: str | UUID,
        number: int,
        *,
        mode: models.TrialRunRequestModeEnum | None = None,
        idempotency_key: str | None = None,
    ) -> models.RunResponse:
        """Makes a trial a run of its own and does not wait: `mode` backtest (default) or paper."""
        path = f"/sweeps/{_part(sweep_id=sweep_id)}/trials/{_part(number=number)}/run"
        return await self._start(models.RunResponse, path, given(mode=mode), idempotency_key)

    async def run_trial(
        self,
        sweep_id: str | UUID,
        number: int,
        *,
        idempotency_key: str | None = None,
        progress: bool | None = None,
        timeout: float | None = None,
    ) -> AsyncResults:
        """A trial's whole backtest, with trades and charts, as `run_backtest` gives it."""
        began = time.monotonic()
        with within(timeout):
            started = await self.start_trial(sweep_id, number, idempotency_key=idempotency_key)
            left = None if timeout is None else began + timeout - time.monotonic()
            return await self._results_of(started, left, progress)

    async def sweep_heatmap(
        self,
        sweep_id: str | UUID,
        x: str,
        y: str | None = None,
        *,
        metric: str | None = None,
        fixed: Mapping[str, Any] | None = None,
        segment: int | None = None,
        variation: int | None = None,
    ) -> models.HeatmapSchema:
        """A metric, default the objective, over one parameter or two; `fixed`: others' values."""
        params = query(
            x=x,
            y=y,
            metric=metric,
            fixed=None if fixed is None else json.dumps(dict(fixed)),
            segment=segment,
            variation=variation,
        )
        return await self._session.get(
            models.HeatmapSchema, f"/sweeps/{_part(sweep_id=sweep_id)}/heatmap", params
        )

    async def sweep_equity(
        self, sweep_id: str | UUID, *, points: int | None = None
    ) -> models.SweepEquity:
        """The stitched out-of-sample curve of a walk-forward sweep."""
        return await self._session.get(
            models.SweepEquity, f"/sweeps/{_part(sweep_id=sweep_id)}/equity", query(points=points)
        )

    # --- strategies and venues ----------------------------------------------------------

    async def list_strategies(self) -> models.Strategies:
        """Every strategy with its parameters, and the files that are broken."""
        return await self._session.get(models.Strategies, "/strategies")

    async def get_strategy(self, name: str) -> models.StrategyDetail:
        """With its source and versions."""
        return await self._session.get(models.StrategyDetail, f"/strategies/{_part(name=name)}")

    async def check_strategy(
        self,
        name: str,
        params: Mapping[str, Any] | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> models.CheckReport:
        """Whether it looks ahead, and whether its warm-up is long enough."""
        path = f"/strategies/{_part(name=name)}/check"
        return await self._start(models.CheckReport, path, given(params=params), idempotency_key)

    async def list_exchanges(self, all: bool = False) -> models.Exchanges:
        """The usual venues, or every one."""
        return await self._session.get(models.Exchanges, "/exchanges", query(all=all))

    # --- accounts, balances and orders --------------------------------------------------

    async def list_accounts(self) -> models.AccountList:
        """The accounts at venues that runs trade on."""
        return await self._session.get(models.AccountList, "/accounts")

    async def get_account(self, account_id: str | UUID) -> models.AccountSchema:
        """One account, its kill switch included."""
        return await self._session.get(
            models.AccountSchema, f"/accounts/{_part(account_id=account_id)}"
        )

    async def kill_account(
        self,
        account_id: str | UUID,
        *,
        steps: Sequence[models.StepsEnum] | None = None,
        reason: str | None = None,
    ) -> models.KillAnswer:
        """Throws the kill switch: nothing more is sent, open orders go, holdings are sold."""
        body = given(steps=None if steps is None else list(steps), reason=reason)
        path = f"/accounts/{_part(account_id=account_id)}/kill"
        call = Call("POST", path, body=body, repeatable=True)
        return await self._session.call(models.KillAnswer, call)

    async def release_account(
        self, account_id: str | UUID, *, confirm: bool = False
    ) -> models.AccountSchema:
        """Takes the kill switch back; without `confirm` nothing is released."""
        path = f"/accounts/{_part(account_id=account_id)}/release"
        call = Call("POST", path, body={"confirm": confirm})
        return await self._session.call(models.AccountSchema, call)

    async def get_balance(
        self, *, run_id: RunId | None = None, account_id: str | UUID | None = None
    ) -> models.BalanceResponse:
        """Of the current run, of one, or of an account: its venue is asked now."""
        params = query(run_id=run_id, account_id=account_id)
        return await self._session.get(models.BalanceResponse, "/balance", params)

    async def get_positions(
        self, *, run_id: RunId | None = None, account_id: str | UUID | None = None
    ) -> models.PositionList:
        """What is held by the current run, by one, or on an account."""
        params = query(run_id=run_id, account_id=account_id)
        return await self._session.get(models.PositionList, "/positions", params)

    async def list_orders(
        self,
        *,
        run_id: RunId | None = None,
        account_id: str | UUID | None = None,
        status: str | None = None,
        symbol: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> models.DeskOrderPage:
        """A page of orders at venues, newest first."""
        params = query(
            run_id=run_id,
            account_id=account_id,
            status=status,
            symbol=symbol,
            limit=limit,
            cursor=cursor,
        )
        return await self._session.get(models.DeskOrderPage, "/orders", params)

    async def iterate_orders(
        self,
        *,
        run_id: RunId | None = None,
        account_id: str | UUID | None = None,
        status: str | None = None,
        symbol: str | None = None,
    ) -> AsyncIterator[models.DeskOrderSchema]:
        """All of them, page by page."""
        cursor: str | None = None
        while True:
            page = await self.list_orders(
                run_id=run_id,
                account_id=account_id,
                status=status,
                symbol=symbol,
                limit=500,
                cursor=cursor,
            )
            for order in page:
                yield order
            cursor = page.next_cursor
            if cursor is None:
                return

    async def place_order(
        self,
        symbol: str,
        side: models.OrderSideEnum,
        type: models.ManualOrderTypeEnum,
        amount: float | str | Decimal,
        *,
        price: float | str | Decimal | None = None,
        run_id: RunId | None = None,
        account_id: str | UUID | None = None,
        client_id: str | None = None,
        confirm_live: bool | None = None,
        idempotency_key: str | None = None,
    ) -> models.DeskOrderSchema:
        """Places a real order, in a live run or on an account.  Text and Decimals are exact."""
        required(symbol=symbol, side=side, type=type, amount=amount)
        body = given(
            symbol=symbol,
            side=side,
            type=type,
            amount=amount,
            price=price,
            run_id=None if run_id is None else str(run_id),
            account_id=None if account_id is None else str(account_id),
            client_id=client_id,
            confirm_live=confirm_live,
        )
        key = client_id if idempotency_key is None else idempotency_key
        return await self._start(models.DeskOrderSchema, "/orders", body, key)

    async def get_order(self, order_id: str) -> models.OrderDetail:
        """By its `client_order_id`; with what was traded of it."""
        return await self._session.get(models.OrderDetail, f"/orders/{_part(order_id=order_id)}")

    async def cancel_order(self, order_id: str) -> models.DeskOrderSchema:
        """Cancels an open order at its venue."""
        call = Call("DELETE", f"/orders/{_part(order_id=order_id)}", repeatable=True)
        return await self._session.call(models.DeskOrderSchema, call)

    async def list_discrepancies(
        self,
        *,
        run_id: RunId | None = None,
        account_id: str | UUID | None = None,
        open: bool | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> models.DiscrepancyPage:
        """What does not match between a venue's books and the server's; open ones by default."""
        params = query(run_id=run_id, account_id=account_id, open=open, limit=limit, cursor=cursor)
        return await self._session.get(models.DiscrepancyPage, "/discrepancies", params)

    async def iterate_discrepancies(
        self,
        *,
        run_id: RunId | None = None,
        account_id: str | UUID | None = None,
        open: bool | None = None,
    ) -> AsyncIterator[models.DiscrepancySchema]:
        """All of them, page by page."""
        cursor: str | None = None
        while True:
            page = await self.list_discrepancies(
                run_id=run_id, account_id=account_id, open=open, limit=500, cursor=cursor
            )
            for discrepancy in page:
                yield discrepancy
            cursor = page.next_cursor
            if cursor is None:
                return

    async def resolve_discrepancy(
        self,
        discrepancy_id: int,
        action: models.ActionEnum,
        *,
        idempotency_key: str | None = None,
    ) -> models.DiscrepancySchema:
        """Adopts, closes or ignores it."""
        required(action=action)
        path = f"/discrepancies/{_part(discrepancy_id=discrepancy_id)}/resolve"
        return await self._start(
            models.DiscrepancySchema, path, {"action": action}, idempotency_key
        )

    # --- as it happens ------------------------------------------------------------------

    def stream_events(
        self,
        run_id: RunId | None = None,
        since: int = 0,
        *,
        channels: Sequence[str] | None = None,
        until_over: bool = True,
    ) -> AsyncEvents:
        """What happens to a run, each event once and in order, over all disconnections.

        From its beginning, or after the event `since`.  `channels`: only those (`status`,
        `orders`, `trades`, `equity`, `logs`).  Ends with the run unless `until_over` is False.
        Without `run_id`: of all of your runs, from now on and without end.
        """
        return stream.events(
            self, None if run_id is None else str(run_id), since, channels, until_over
        )

    def stream_ticker(
        self,
        symbol: str | None = None,
        run_id: RunId | None = None,
        since: int = 0,
    ) -> AsyncEvents:
        """Each closed bar that a run has stepped, as `last`, `volume` and `timestamp`.

        With `run_id` complete and in order like `stream_events`, from its beginning or after the
        event `since`, until the run is over; without one those of all of your runs, from now on.
        """
        return stream.ticker(self, symbol, None if run_id is None else str(run_id), since)

    # --- inside -------------------------------------------------------------------------

    def _link(self) -> AbstractAsyncContextManager[AsyncLink]:
        """A WebSocket connection."""
        self._session.refuse_closed()
        return AsyncLink.open(self._session.settings, self._session.timeout, self._stall_seconds)

    async def _results_of(
        self, started: models.RunResponse, timeout: float | None, progress: bool | None
    ) -> AsyncResults:
        """Of a backtest that was started just now, once it is over."""
        run_id = str(started.run_id)
        with of_run(run_id):
            run = await waiting.until_over(self, run_id, timeout, progress, fresh=True)
            await waiting.refuse_failed(self, run)
            return await self.load_results(run_id)

    async def _start(self, model: type[M], path: str, body: dict[str, Any], key: str | None) -> M:
        call = Call("POST", path, body=body, idempotency_key=checked_key(key))
        return await self._session.call(model, call)


def _part(**one: object) -> str:
    """As one part of a path.  Raises ValueError."""
    required(**one)
    ((_, value),) = one.items()
    return quote(str(value), safe="")
