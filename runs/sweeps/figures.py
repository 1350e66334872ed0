"""HTTP answers with a sweep's figures and its table, for whoever has checked who asks."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from tempfile import TemporaryFile
from typing import IO, Any

from django.http import FileResponse, HttpRequest, HttpResponse

from exchanges.domain import NotFound
from exchanges.places import Places
from runs import figures as run_figures
from runs import formats
from runs.engine.metrics import METRICS
from runs.models import Sweep

from . import charts, queries

ROWS_AT_ONCE = 2_000
_downloads = Places(2, "Other downloads are being written", patience=1.0, retry=3)
# What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")


def answer(request: HttpRequest, sweep: Sweep, draw: Callable[[], charts.Figure]) -> HttpResponse:
    """The figure, and again only where something has changed since."""
    return run_figures.figure(request, draw, lambda: _mark(sweep))


def windows(request: HttpRequest, sweep: Sweep, rows: Sequence[Mapping[str, Any]]) -> HttpResponse:
    return answer(request, sweep, lambda: charts.windows(rows, sweep.objective))


def by_name(request: HttpRequest, sweep: Sweep, name: str) -> HttpResponse:
    """`logits` or `equity`.  Raises FIGURE_NOT_FOUND."""
    if name == "logits":
        return answer(request, sweep, lambda: _logits(sweep))
    if name == "equity":
        return answer(request, sweep, lambda: _equity(sweep))
    raise NotFound("ARTIFACT_NOT_FOUND", f"No figure {name[:40]}", available=["logits", "equity"])


def trials_csv(sweep: Sweep) -> FileResponse:
    """All trials with all their metrics, sent as it is taken.  Raises BUSY."""
    with _downloads:
        file = csv_file(sweep)
    sent = FileResponse(file, content_type="text/csv; charset=utf-8")
    sent["Content-Disposition"] = f'attachment; filename="{sweep.public_id}-trials.csv"'
    sent["Cache-Control"] = "private, no-cache"
    return sent


def csv_file(sweep: Sweep) -> IO[bytes]:
    """As an unnamed file on the disk, which is gone when it is closed."""
    with ExitStack() as stack:
        file = stack.enter_context(TemporaryFile())
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        writer = csv.writer(text)
        of_trial = ("trial", "window", "symbols", "timeframe", *sweep.space)
        writer.writerow([*of_trial, *METRICS, "error_code", "error"])
        writer.writerows(_rows(sweep))
        text.detach()
        file.seek(0)
        # It is the caller's now.
        stack.pop_all()
    return file


def _rows(sweep: Sweep) -> Iterator[list[Any]]:
    names, variations = list(sweep.space), sweep.config["variations"]
    for trial in sweep.trials.order_by("number").iterator(ROWS_AT_ONCE):
        variation = variations[trial.variation]
        yield [
            trial.number,
            trial.segment,
            " ".join(variation["symbols"]),
            variation["timeframe"],
            *(_cell(trial.params.get(name)) for name in names),
            *(trial.metrics.get(name) for name in METRICS),
            trial.error_code,
            _cell(trial.error),
        ]


def _cell(value: Any) -> Any:
    """No text begins a formula."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def _logits(sweep: Sweep) -> charts.Figure:
    found = sweep.honesty or {}
    return charts.logits(found.get("pbo_logits") or {}, found.get("pbo"))


def _equity(sweep: Sweep) -> charts.Figure:
    import numpy as np

    curve = queries.equity(sweep)
    time, value = curve if curve is not None else (np.empty(0, np.int64), np.empty(0))
    starts = [window["in_end_ms"] for window in (sweep.walk_forward or {}).get("windows", [])]
    quote = formats.quote(sweep.config["variations"][0]["symbols"][0])
    return charts.stitched(np.asarray(time), np.asarray(value), starts, quote)


def _mark(sweep: Sweep) -> str:
    return f"{sweep.pk}:{sweep.status}:{sweep.trials_done}:{sweep.finished_at}"
