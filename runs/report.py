"""A run's charts and metrics as one HTML file that needs nothing else."""

from __future__ import annotations

from pathlib import Path

from django.template.loader import render_to_string
from django.utils.safestring import mark_safe

from exchanges.domain import Symbol

from . import charts, formats, payloads
from .models import Run

_STATIC = Path(__file__).parent / "static" / "runs"


def standalone(run: Run) -> str:
    figures = [("equity", "Equity and drawdown", charts.equity(run))]
    figures += [
        (f"candles-{number}", f"Trades on {symbol}", charts.candles(run, Symbol(symbol)))
        for number, symbol in enumerate(run.symbols)
    ]
    # json escapes of <, > and & keep a name from ending the script it stands in.
    escapes = {ord(c): f"\\u{ord(c):04x}" for c in "<>&"}
    context = {
        "run": run,
        "config": payloads.public_config(run),
        "metrics": formats.metric_rows(run.metrics),
        "figures": [
            (name, title, mark_safe(charts.to_json(figure).decode().translate(escapes)))
            for name, title, figure in figures
        ],
        "scripts": [mark_safe(_script(path)) for path in _scripts()],
    }
    return render_to_string("runs/report.html", context)


def _scripts() -> list[Path]:
    from .plotly_js import path

    return [path(), _STATIC / "charts.js"]


def _script(path: Path) -> str:
    return path.read_text(encoding="utf-8").replace("</script", "<\\/script")
