"""A run as one HTML file that needs nothing else: to keep, to mail, to print."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe

from exchanges.domain import Symbol

from . import books, cautions, charts, descriptions, formats, payloads, periods
from .models import Run
from .results import DAMAGED, Results

TRADES_SHOWN = 500
SYMBOLS_DRAWN = 8

_STATIC = Path(__file__).parent / "static" / "runs"
_NARROW = "\N{NO-BREAK SPACE}"
# json escapes of <, > and & keep a name from ending the script it stands in.
_ESCAPES = {ord(c): f"\\u{ord(c):04x}" for c in "<>&"}


def file_name(run: Run) -> str:
    return f"run-{run.public_id}.html"


def standalone(run: Run) -> str:
    """The page.  A table or chart whose file is lost or damaged is left out, and that is said."""
    missing: list[str] = []

    def made(what: str, build: Any, *args: Any) -> Any:
        try:
            return build(*args)
        except DAMAGED:
            missing.append(what)
            return None

    figures = [("equity", "Equity and drawdown", made("equity", charts.equity, run))]
    for number, symbol in enumerate(run.symbols[:SYMBOLS_DRAWN]):
        figure = made(f"candles of {symbol}", charts.candles, run, Symbol(symbol))
        figures.append((f"candles-{number}", f"Trades on {symbol}", figure))
    results = Results(run)
    metrics, config = books.metrics(run), payloads.public_config(run)
    years = made("monthly returns", periods.monthly_returns, run) or []
    trades = made("trades", results.rows, "trades", 0, TRADES_SHOWN) or []
    context = {
        "run": run,
        "made_at": timezone.now(),
        "error": payloads.error_text(run),
        "start": formats.moment(config["start_date"]),
        "end": formats.moment(config["end_date"]),
        "config": _config(config, _quote(run)),
        "head": _head(run, metrics),
        "metrics": formats.metric_rows(metrics, _quote(run)),
        "brief": descriptions.brevity(run),
        "figures": [
            (name, title, _json(figure)) for name, title, figure in figures if _has_points(figure)
        ],
        "symbols_left_out": run.symbols[SYMBOLS_DRAWN:],
        "years": [_year(year) for year in years],
        "months": periods.MONTHS,
        "trades": [
            descriptions.trade_texts(trade) | {"tone": _tone(trade["pnl"])} for trade in trades
        ],
        "trade_total": results.count("trades"),
        "seal": descriptions.flat(run.seal),
        "cautions": cautions.of(run),
        "missing": missing,
        "scripts": [mark_safe(_script(path)) for path in _scripts()],
    }
    return render_to_string("runs/report.html", context)


def _head(run: Run, metrics: dict[str, Any]) -> list[tuple[str, str]]:
    total = run.total_return if run.result_hash else metrics.get("total_return")
    return [
        ("Return", formats.signed_percent(total)),
        ("Buy and hold", formats.signed_percent(metrics.get("benchmark_return"))),
        ("Final equity" if run.result_hash else "Equity", formats.money(run.value, _quote(run))),
        ("Max drawdown", formats.percent(metrics.get("max_drawdown"))),
        ("Sharpe ratio", formats.ratio(metrics.get("sharpe_ratio"))),
        ("Trades", f"{run.trade_count:,}"),
    ]


def _year(year: periods.Year) -> dict[str, Any]:
    months = [("" if gain is None else _share(gain), _tone(gain)) for gain in year.months]
    return {
        "year": year.year,
        "months": months,
        "total": formats.signed_percent(year.total).replace(" ", _NARROW),
        "tone": _tone(year.total),
    }


def _share(gain: float | None) -> str:
    """Narrow: twelve of them stand beside each other."""
    return formats.signed_percent(gain, 1).replace(" ", _NARROW)


def _tone(value: float | None) -> str:
    """Beside the sign, never instead of it."""
    return "up" if value and value > 0 else "down" if value and value < 0 else ""


def _quote(run: Run) -> str:
    return formats.quote(run.symbols[0])


def _config(config: dict[str, Any], quote: str) -> list[tuple[str, str]]:
    nested = {name: value for name, value in config.items() if isinstance(value, dict)}
    plain = [
        (name, descriptions.setting(name, value, quote))
        for name, value in config.items()
        if name not in nested
    ]
    return plain + descriptions.flat(nested)


def _has_points(figure: charts.Figure | None) -> bool:
    return figure is not None and any(len(trace["x"]) for trace in figure["data"])


def _json(figure: charts.Figure) -> SafeString:
    return mark_safe(charts.to_json(figure).decode().translate(_ESCAPES))


def _scripts() -> list[Path]:
    from .plotly_js import path

    return [path(), _STATIC / "charts.js"]


def _script(path: Path) -> str:
    return path.read_text(encoding="utf-8").replace("</script", "<\\/script")
