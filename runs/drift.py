"""How far a stepped run has drifted from a backtest over its window."""

from __future__ import annotations

import json
import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError

from exchanges import services as market_data
from exchanges.domain import Bars, Busy, CracktraderError, InvalidInput, VenueError

from . import apart, books, tables
from .models import Run

if TYPE_CHECKING:
    from .books import Books
    from .engine.drift import Drift, TradeDrift
    from .engine.results import Simulation

logger = logging.getLogger(__name__)

FETCH_SECONDS = 20.0
"""The longest a report waits for candles a venue has still to tell."""
COMPUTE_SECONDS = 60.0
"""The longest both backtests may take."""
REPORTS_AT_ONCE = 2
"""Reports one process has under way; each takes a core."""

_TRIES = 5
_KEPT = 4
_lock = threading.Lock()
_made: OrderedDict[tuple[str, ...], Simulation] = OrderedDict()
_reports = threading.BoundedSemaphore(REPORTS_AT_ONCE)


def report(run: Run, *, here: bool = False) -> dict[str, Any]:
    """The run's books beside two backtests over its window, as JSON.

    `seen`: on the bars the run saw.  `stored`: on the bars as they are stored
    now, and which of them differ.  What keeps one of them from being made (a
    venue that does not answer, a strategy that fails) is its `error`.

    Within FETCH_SECONDS and COMPUTE_SECONDS, the strategy in a process of its own;
    `here`, for commands and workers: in this process, and as long as it takes.

    Raises NO_DRIFT for a backtest and for a run that has not stepped a bar;
    CHECK_BUSY while REPORTS_AT_ONCE are under way.
    """
    if not run.is_stepped:
        raise InvalidInput("NO_DRIFT", "Only paper and live runs drift", mode=run.mode)
    if not _reports.acquire(blocking=False):
        raise Busy(
            "CHECK_BUSY",
            f"{REPORTS_AT_ONCE} drift reports are under way; try again when one has ended",
            maximum=REPORTS_AT_ONCE,
            retry_after_seconds=5,
        )
    try:
        return _report(run, _books(run), here)
    finally:
        _reports.release()


def keep(run_id: int) -> None:
    """Puts the report of a run that is over on its record, once; what keeps it from it, too."""
    run = Run.objects.select_related("strategy_version__strategy", "exchange").get(pk=run_id)
    if run.drift or not run.result_hash:
        return
    try:
        found = report(run, here=True)
    except Busy:
        # The sweeper asks again.
        return
    except CracktraderError as error:
        found = {"error": _told(error)}
    except (DatabaseError, OSError):
        # For a while only, one hopes: the sweeper asks again.
        raise
    except Exception as error:
        logger.exception("run %s could not be compared with its backtest", run.public_id)
        text = f"{type(error).__name__}: {error}"[:300]
        found = {"error": {"code": "RUN_FAILED", "message": text}}
    Run.objects.filter(pk=run_id, drift={}).update(drift=found)


def _books(run: Run) -> Books:
    """Of one moment: a slice may be committed while they are read."""
    for _ in range(_TRIES):
        run.refresh_from_db()
        try:
            found = books.read(run)
        except CracktraderError as error:
            raise InvalidInput("NO_DRIFT", error.message, cause=error.code) from None
        same = {"cursor_ms": run.cursor_ms, "result_hash": run.result_hash}
        if Run.objects.filter(pk=run.pk, **same).exists():
            return found
    raise Busy("CHECK_BUSY", "The run moves too fast to be read", retry_after_seconds=5)


def _report(run: Run, ours: Books, here: bool) -> dict[str, Any]:
    config = ours.config
    seen: dict[str, Any] = {"error": None, "drift": None}
    stored: dict[str, Any] = {"error": None, "drift": None, "bars": None}
    jobs: list[Sequence[Bars]] = [ours.series]
    try:
        now = _stored(run, ours, math.inf if here else FETCH_SECONDS)
    except CracktraderError as error:
        stored["error"] = _told(error)
    else:
        stored["bars"] = _bars(run, ours.series, now)
        if _hashes(now) != _hashes(ours.series):
            jobs.append(now)
    results = _backtests(run, [(config, series) for series in jobs], here)
    sections = [(seen, results[0])]
    if stored["error"] is None:
        sections.append((stored, results[-1]))
    for section, found in sections:
        if isinstance(found, CracktraderError):
            section["error"] = _told(found)
        else:
            section["drift"] = _compared(run, ours, found)
    return {
        "run_id": str(run.public_id),
        "mode": run.mode,
        "status": run.status,
        "start": config.start_ms,
        "end": config.end_ms,
        "late_bars": len(ours.late),
        "seen": seen,
        "stored": stored,
    }


def _backtests(
    run: Run, jobs: Sequence[apart.Job], here: bool
) -> list[Simulation | CracktraderError]:
    """Those just made for another report are not made again."""
    version, values = run.strategy_version, run.config["strategy_params"]
    asked = (version.source, version.strategy.name, values)
    what = (version.source_hash, version.strategy.name, json.dumps(values, sort_keys=True))
    keys = [(*what, config.digest(), *_hashes(series)) for config, series in jobs]
    with _lock:
        made: dict[tuple[str, ...], Simulation | CracktraderError] = {
            key: _made[key] for key in keys if key in _made
        }
    missing = {key: job for key, job in zip(keys, jobs, strict=True) if key not in made}
    if missing and here:
        made |= zip(missing, apart.simulate_here(*asked, list(missing.values())), strict=True)
    elif missing:
        found = apart.simulate(*asked, list(missing.values()), COMPUTE_SECONDS)
        made |= zip(missing, found, strict=True)
    with _lock:
        for key in keys:
            _made.pop(key, None)
            if not isinstance(found := made[key], CracktraderError):
                _made[key] = found
        while len(_made) > _KEPT:
            _made.popitem(last=False)
    return [made[key] for key in keys]


def _stored(run: Run, ours: Books, seconds: float) -> list[Bars]:
    return market_data.ensure_bars(
        run.exchange.name,
        ours.config.symbols,
        ours.config.timeframe,
        ours.config.anchor_ms,
        ours.config.end_ms,
        on_progress=_deadline(run, seconds),
    )


def _deadline(run: Run, seconds: float) -> Callable[[str, float], None]:
    until = time.monotonic() + seconds

    def look(what: str, fraction: float) -> None:
        if time.monotonic() > until:
            raise VenueError(
                "VENUE_UNREACHABLE",
                f"{run.exchange.name} did not tell all candles within {seconds:g} s; what it told "
                "is kept: ask again",
            )

    return look


def _hashes(series: Sequence[Bars]) -> list[str]:
    return [bars.content_hash() for bars in series]


def _told(error: CracktraderError) -> dict[str, str]:
    return {"code": error.code, "message": error.message}


def _bars(run: Run, seen: Sequence[Bars], stored: Sequence[Bars]) -> dict[str, Any]:
    from .engine.bar_drift import compare_bars

    found = compare_bars(seen, stored)
    first = [
        {
            "symbol": run.symbols[bar.symbol],
            "time": bar.time,
            "seen": bar.seen and list(bar.seen),
            "stored": bar.stored and list(bar.stored),
        }
        for bar in found.first
    ]
    return asdict(found) | {"first": first}


def _compared(run: Run, ours: Books, backtest: Simulation) -> dict[str, Any]:
    from .engine import drift

    cash = ours.config.initial_cash
    found = drift.compare(ours.simulation, backtest, cash, ours.late)
    shown = asdict(found) | {"identical": found.identical}
    return shown | {
        name: [_pair(run, ours.simulation, backtest, trade) for trade in _listed(found, name)]
        for name in ("unpaired", "largest")
    }


def _listed(found: Drift, name: str) -> tuple[TradeDrift, ...]:
    listed: tuple[TradeDrift, ...] = getattr(found, name)
    return listed


def _pair(run: Run, ours: Simulation, backtest: Simulation, trade: TradeDrift) -> dict[str, Any]:
    def row(book: Simulation, number: int | None) -> dict[str, Any] | None:
        if number is None:
            return None
        return tables.trades(book.trades[number : number + 1], run.symbols, number)[0]

    return {
        "symbol": run.symbols[trade.symbol],
        "run": row(ours, trade.run),
        "backtest": row(backtest, trade.backtest),
        "late": trade.late,
        "difference": trade.difference,
    }
