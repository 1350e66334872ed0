"""What a run's page says, as its templates take it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from cracktrader_site.api import keys
from cracktrader_site.ui import costs
from cracktrader_site.ui.snippets import Snippet, snippets
from runs import cautions, descriptions, formats, payloads, punctuality
from runs.fields import iso
from runs.models import Run
from runs.results import Results

from .run_parts import may

GAPS_SHOWN = 20
WARNINGS_SHOWN = 10

METRIC_GROUPS = {
    "Return": (
        *("final_value", "total_return", "annual_return", "benchmark_return", "exposure"),
        "total_fees",
    ),
    "Risk": (
        *("sharpe_ratio", "sortino_ratio", "calmar_ratio", "omega_ratio", "recovery_factor"),
        *("volatility", "max_drawdown", "max_drawdown_duration", "ulcer_index"),
        *("value_at_risk", "tail_ratio", "skew", "kurtosis"),
    ),
    "Per trade": (
        *("expectancy", "profit_factor", "payoff_ratio", "sqn", "best_trade", "worst_trade"),
        *("average_trade", "average_win", "average_loss"),
    ),
}
"""By name; all others count trades."""

ADVICE = {
    "STRATEGY_FAILED": "The strategy's own code failed. Mend it, check it, and run it again.",
    "STRATEGY_BROKEN": "The strategy's file cannot be loaded. Mend it and run it again.",
    "STRATEGY_BAD_OUTPUT": "The strategy returned something else than signals. Mend it.",
    "INVALID_PARAMS": "Run it again with other parameters.",
    "NO_CANDLES": "Run it again with other dates, or look at what the venue has under Data.",
    "HISTORY_NOT_AVAILABLE": "The venue does not reach back so far: begin later.",
    "INVALID_SYMBOL": "Run it again with a symbol that the venue has.",
    "VENUE_UNREACHABLE": "The venue did not answer. Try again in a while.",
    "VENUE_ERROR": "The venue refused. What it said is above; try again in a while.",
    "VENUE_BAD_DATA": "The venue sent candles that cannot be. Try again, or choose other dates.",
    "RUN_TIMEOUT": "Choose a shorter range or a longer timeframe, or raise "
    "CRACKTRADER_BACKTEST_TIMEOUT.",
    "WORKER_LOST": "Its worker died again and again, for want of memory perhaps. The server's log "
    "tells more.",
    "BOOKS_LOST": "Candles it stood on were removed. Run it again.",
}


def whole(request: HttpRequest, run: Run) -> dict[str, Any]:
    """Everything that stands on the page at once; its tables follow."""
    results = Results(run)
    artifacts = list(results.artifacts().values())
    gaps = run.outcome.get("gaps", [])
    return top(request, run) | {
        "artifacts": artifacts,
        "has_charts": results.has_curve(),
        "has_tables": run.is_stepped or bool(run.result_hash),
        "metric_groups": list(_metric_groups(run)),
        "brief": descriptions.brevity(run),
        "params": descriptions.flat(run.config["strategy_params"]),
        "config": list(_config(run)),
        "request_json": descriptions.pretty(run.request),
        "snippets": _code(request, run),
        "seal": list(_seal(run)),
        "whole_seal": descriptions.flat(run.seal),
        "gaps": [descriptions.gap_row(gap) for gap in gaps[:GAPS_SHOWN]],
        "more_gaps": max(len(gaps) - GAPS_SHOWN, 0),
        "started_by": keys.called(run.owner),
        "api_url": reverse("runs-detail", args=[run.public_id]),
        "admin_url": reverse("admin:runs_run_change", args=[run.pk]),
        "may_verify": may(request, "backtest"),
        "trades_query": request.GET.urlencode(),
    }


def top(request: HttpRequest, run: Run) -> dict[str, Any]:
    """The page's head, and what is new of a run that goes on."""
    health = payloads.health(run)
    warnings = health["warnings"]
    return {
        "run": run,
        "mode": descriptions.mode(run),
        "quote": _quote(run),
        "range": _range(run),
        "costs": _costs(run),
        "goes_on": run.is_stepped and run.is_active,
        "tiles": list(_tiles(run)),
        "may_stop": run.is_active and may(request, run.mode),
        "may_start": may(request, "backtest") or may(request, "paper"),
        "may_sweep": not run.is_active and may(request, "backtest"),
        "shows_progress": descriptions.shows_progress(run),
        "percent": round(run.progress * 100),
        "waits": descriptions.waits(run),
        "cautions": cautions.of(run),
        "warnings": warnings[:WARNINGS_SHOWN],
        "more_warnings": max(len(warnings) - WARNINGS_SHOWN, 0),
        "error_details": descriptions.pretty(run.error_details) if run.error_details else "",
        "advice": ADVICE.get(run.error_code, "The events below say what happened before."),
    }


def _tiles(run: Run) -> Iterator[dict[str, Any]]:
    """The row of large numbers: a label, a value, how it is shown, and a note."""
    if not run.is_stepped and not run.result_hash:
        return
    measured = run.metrics

    def tile(label: str, value: Any, kind: str = "text", note: str = "") -> dict[str, Any]:
        return {"label": label, "value": value, "kind": kind, "note": note}

    quote = _quote(run)
    from_cash = f"from {formats.money(run.initial_cash, quote)}"
    if run.is_active:
        held = None if run.value is None or run.cash is None else run.value - run.cash
        yield tile("Equity", formats.money(run.value, quote), note=from_cash)
        yield tile("P&L", run.pnl, "gain", formats.signed_percent(run.total_return))
        yield tile("Cash", formats.money(run.cash, quote))
        yield tile("In positions", formats.money(held, quote))
    else:
        yield tile("Return", run.total_return, "signed")
        yield tile("Final equity", formats.money(run.value, quote), note=from_cash)
        yield tile("P&L", run.pnl, "gain")
        if "benchmark_return" in measured:
            yield tile("Buy and hold", measured["benchmark_return"], "signed")
    yield tile("Max drawdown", formats.percent(run.max_drawdown))
    if not run.is_active:
        brief = descriptions.brevity(run)
        note = f"annualised from {brief}" if brief and run.sharpe_ratio is not None else ""
        yield tile("Sharpe ratio", formats.ratio(run.sharpe_ratio), note=note)
    won = measured.get("win_rate")
    won_note = "" if won is None else f"{formats.percent(won)} won"
    yield tile("Trades", f"{run.trade_count:,}", note=won_note)
    if not run.is_active:
        yield tile("Took", formats.duration(run.runtime_seconds))
    elif run.cursor_ms is not None:
        due = punctuality.due(run)
        yield tile(
            "Stepped until (UTC)", formats.moment(run.cursor_ms), "moment", due.text if due else ""
        )


def _quote(run: Run) -> str:
    """What its money is counted in."""
    return formats.quote(run.symbols[0])


def _range(run: Run) -> str:
    engine = run.seal["config"]["engine"] if run.result_hash else run.config["engine"]
    start = formats.moment(engine["start_ms"])
    if engine["end_ms"] >= payloads.OPEN_END_MS:
        return f"since {start} UTC"
    return f"{start} to {formats.moment(engine['end_ms'])} UTC"


def _costs(run: Run) -> str:
    """Of a live run the venue says what each fill cost."""
    engine = run.config["engine"]
    return "" if run.is_live else costs.told(engine["fee"], engine["slippage"])


def _metric_groups(run: Run) -> Iterator[tuple[str, list[formats.MetricRow]]]:
    rows = formats.metric_rows(run.metrics, _quote(run))
    grouped = {name for names in METRIC_GROUPS.values() for name in names}
    for title, names in METRIC_GROUPS.items():
        if found := [row for row in rows if row.name in names]:
            yield title, found
    if found := [row for row in rows if row.name not in grouped]:
        yield "Trades", found


def _config(run: Run) -> Iterator[tuple[str, str]]:
    """All but the strategy's parameters."""
    for name, value in payloads.public_config(run).items():
        if name in ("strategy_name", "strategy_params", "replay", "mode"):
            continue
        yield descriptions.setting_name(name), descriptions.setting(name, value, _quote(run))


def _code(request: HttpRequest, run: Run) -> list[Snippet]:
    """What would start a backtest once more, over the same bars at the same fee."""
    if run.is_stepped:
        return []
    engine = run.config["engine"]
    body = run.request | {
        "start_date": iso(engine["start_ms"]),
        "end_date": iso(engine["end_ms"]),
        "fee": engine["fee"],
    }
    wanted = {name: value for name, value in body.items() if value is not None}
    return snippets(wanted, run.mode, request.build_absolute_uri("/"), settings.AUTH)


def _seal(run: Run) -> Iterator[tuple[str, str]]:
    """What made the result, in short."""
    if not run.seal:
        return
    yield "Result", run.result_hash
    yield "Strategy's source", run.seal["source_hash"]
    yield "Configuration", run.config_hash
    for symbol, digest in run.seal["candle_hashes"].items():
        yield f"Candles of {symbol}", digest
    versions = dict(run.seal["versions"])
    if "engine" in versions:
        yield "Engine", versions.pop("engine")
    yield "Versions", ", ".join(f"{name} {version}" for name, version in versions.items())
