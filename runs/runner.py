"""Executes one run: claim, compute, record.  What a task does, and a command too."""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import close_old_connections, connection, connections
from django_q.exceptions import TimeoutException

from exchanges import services as market_data
from exchanges.domain import Bars, CracktraderError, VenueError
from strategies import services as strategies
from strategies.base import AnyStrategy, Params
from strategies.models import StrategyVersion

from . import leases, recorder, shares
from .engine.config import RunConfig
from .models import Run
from .recorder import Lease, LeaseLost
from .watch import Interrupted, Watch

if TYPE_CHECKING:
    import numpy as np

    from .engine.backtest import BacktestResult
    from .engine.results import Simulation

logger = logging.getLogger(__name__)

Progress = Callable[[str, float], None]

# How far along a backtest is when its candles are read, and when it is computed.
_READ, _COMPUTED = 0.4, 0.95
SPARKLINE_POINTS = 40
CLAIMS_BESIDES_ATTEMPTS = 5
_TAKEN_FIRST = 50
"""So often another worker may be quicker at the same, before the message's own run is taken."""


def execute_next(run_id: int) -> bool:
    """Runs the backtest whose turn it is (`shares.next_backtest`), else this one.

    As many are begun as messages come, so each has its turn.  False where
    there was nothing to do.
    """
    for _ in range(_TAKEN_FIRST):
        chosen = shares.next_backtest()
        if chosen is None:
            break
        if execute(chosen):
            return True
    return execute(run_id)


def execute(run_id: int, on_progress: Progress | None = None) -> bool:
    """Runs it to its end if nobody else does.  False where there was nothing to do.

    Whatever goes wrong is recorded on the run; only the loss of the process
    itself is left to the sweeper.
    """
    claimed = leases.claim(run_id)
    if claimed is None:
        return False
    lease, run = claimed
    watch = Watch(lease, on_progress)
    try:
        if run.stop_requested_at is not None:
            recorder.stop(lease, "stopped before it began")
        elif lost := times_lost(run):
            raise CracktraderError(
                "WORKER_LOST",
                f"The run's worker died {lost} times while computing it",
                attempts=lost,
            )
        else:
            with watch:
                outcome = compute(run, watch.progress)
            # The database may have been restarted meanwhile.
            close_old_connections()
            _record(lease, outcome)
    except LeaseLost:
        logger.warning("run %s was taken over; this worker's result is dropped", run.public_id)
    except Interrupted:
        if watch.raised:
            drop_connection()
        if not watch.lost:
            _try(recorder.stop, lease, "stop requested")
    except CracktraderError as error:
        _try(recorder.fail, lease, error)
    except TimeoutException:
        drop_connection()
        seconds = settings.BACKTEST_TIMEOUT
        error = CracktraderError("RUN_TIMEOUT", f"The run took longer than {seconds} s")
        _try(recorder.fail, lease, error)
        raise
    except Exception as error:
        logger.exception("run %s failed", run.public_id)
        name = type(error).__name__
        _try(recorder.fail, lease, CracktraderError("RUN_FAILED", f"{name}: {error}"[:1000]))
    return True


def times_lost(run: Run) -> int:
    """How many workers the run has cost if those are too many, else 0.

    One that died with its whole cluster is no attempt; but a run that takes
    the cluster down each time must end too, and every claim raised the fence.
    """
    if run.attempts > settings.RUN_MAX_ATTEMPTS:
        return run.attempts - 1
    claims = run.fence - run.settled_fence
    if claims > settings.RUN_MAX_ATTEMPTS + CLAIMS_BESIDES_ATTEMPTS:
        return claims - 1
    return 0


def drop_connection() -> None:
    """For after an exception out of a signal handler, which may have cut a transaction in two."""
    connection.close()
    del connections[connection.alias]


def _try(write: Callable[..., None], lease: Lease, *args: Any) -> None:
    try:
        write(lease, *args)
    except LeaseLost:
        logger.warning("run %s was taken over; this worker's end is dropped", lease.run_id)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A computed backtest, ready to be recorded or compared."""

    tables: dict[str, tuple[bytes, int]]
    fields: dict[str, Any]
    seal: dict[str, Any]
    result_hash: str


def load_bars(run: Run, config: RunConfig, progress: Progress) -> list[Bars]:
    """The run's candles, anchor to end, one series a symbol; downloads what is missing."""

    def downloading(stage: str, fraction: float) -> None:
        progress(stage, fraction * _READ)

    series = market_data.ensure_bars(
        run.exchange.name,
        config.symbols,
        config.timeframe,
        config.anchor_ms,
        config.end_ms,
        on_progress=downloading,
    )
    for bars in series:
        if not len(bars.between(config.start_ms, config.end_ms)):
            raise VenueError(
                "NO_CANDLES",
                f"{run.exchange.name} has no {config.timeframe} candle of {bars.symbol} in range",
                symbol=str(bars.symbol),
            )
    return series


def compute(run: Run, progress: Progress) -> Outcome:
    """Candles → signals → simulation → tables; nothing is written but the candle store.

    Of a stepped run that is over: the backtest on the bars it saw.
    """
    from .engine import artifacts, backtest, seal

    began = time.perf_counter()
    strategy, params = strategy_of(run)
    progress("reading candles", 0.0)
    if run.is_stepped:
        from . import books

        config, series = books.seen(run)
    else:
        config = RunConfig.from_dict(run.config["engine"])
        series = load_bars(run, config, progress)
    read = time.perf_counter()

    def computing(stage: str, fraction: float) -> None:
        progress(stage, _READ + fraction * (_COMPUTED - _READ))

    # Hashing and encoding let go of the interpreter: beside the metrics they cost little time.
    with ThreadPoolExecutor(1, "seal") as beside:
        hashes = beside.submit(lambda: {str(b.symbol): b.content_hash() for b in series})
        kept: list[Future[Any]] = []

        def simulated(simulation: Simulation) -> None:
            kept.append(beside.submit(artifacts.encode, simulation))
            kept.append(beside.submit(seal.books_digest, simulation))

        result = backtest.run_backtest(
            config, strategy, params, series, on_progress=computing, on_simulated=simulated
        )
        computed = time.perf_counter()
        progress("recording", _COMPUTED)
        sealed = make_seal(run, config, hashes.result())
        encoded, books_digest = (future.result() for future in kept)
    if run.is_stepped:
        encoded["bars"] = artifacts.encode_bars(series)
    fields = figures(config, result)
    fields["outcome"]["timings"] = {
        "read_seconds": round(read - began, 6),
        "engine_seconds": round(computed - read, 6),
    }
    digest = seal.result_digest(result.simulation, result.metrics, books_digest)
    return Outcome(encoded, fields, sealed, digest)


def strategy_of(run: Run) -> tuple[type[AnyStrategy], Params]:
    """The class its stored source defines, and its parameters.  Raises STRATEGY_BROKEN."""
    version = _version(run.strategy_version_id, run.config["source_hash"])
    params = strategies.validate_params(version, run.config["strategy_params"])
    return strategies.load_strategy(version), params


@lru_cache(maxsize=128)
def _version(version_id: int, source_hash: str) -> StrategyVersion:
    """Versions never change; a long source is read once a process."""
    return StrategyVersion.objects.select_related("strategy").get(
        id=version_id, source_hash=source_hash
    )


def make_seal(run: Run, config: RunConfig, candle_hashes: dict[str, str]) -> dict[str, Any]:
    from .engine import seal

    return seal.seal(
        config=run.config | {"engine": config.to_dict()},
        strategy=run.strategy_name,
        source_hash=run.strategy_version.source_hash,
        candle_hashes=candle_hashes,
    )


def figures(config: RunConfig, result: BacktestResult) -> dict[str, Any]:
    """What a result puts on the run's own row."""
    from . import tables

    simulation, measured = result.simulation, result.metrics
    return {
        "cash": float(simulation.cash[-1]),
        "value": float(simulation.equity[-1]),
        "trade_count": len(simulation.trades),
        "total_return": measured["total_return"],
        "sharpe_ratio": measured["sharpe_ratio"],
        "max_drawdown": measured["max_drawdown"],
        "sparkline": _sparkline(simulation.equity),
        "metrics": measured,
        "outcome": tables.outcome(config, result),
    }


def _sparkline(equity: np.ndarray[Any, np.dtype[np.float64]]) -> list[float]:
    """Evenly spaced values, the first and the last among them: small enough for a list's row."""
    import numpy as np

    chosen = np.linspace(0, len(equity) - 1, min(SPARKLINE_POINTS, len(equity))).round().astype(int)
    return [round(float(value), 6) for value in equity[chosen]]


def _record(lease: Lease, outcome: Outcome) -> None:
    recorder.complete(
        lease,
        outcome.tables,
        seal=outcome.seal,
        result_hash=outcome.result_hash,
        **outcome.fields,
    )


def preload() -> None:
    """Imports and compiles what a backtest needs, so that a forked worker starts hot.

    The workers share this memory; frozen, the collector leaves it alone and
    the pages stay shared.
    """
    from .engine.warming import warm_up

    warm_up()
    gc.collect()
    gc.freeze()
