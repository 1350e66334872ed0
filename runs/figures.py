"""HTTP answers with a run's figures and files, for whoever has checked who asks.

Figures never raise: what is wrong is told as JSON, `{"code", "message"}` with
status 404, which charts.js shows.  Files and tables raise the errors of
`exchanges.domain` before the first byte.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.cache import get_conditional_response, patch_vary_headers

from exchanges.domain import CracktraderError, InvalidInput, NotFound, Symbol

from . import charts, curves, formats, marks, palette, plotly_js, queries, series
from .fields import iso
from .models import Run

# What a missing file raises, and what Parquet says of a damaged one.
DAMAGED = (NotFound, OSError, ValueError)
ROWS_AT_ONCE = 10_000
_WORTH_PACKING = 1_000
_FOREVER = "public, max-age=31536000, immutable"
_TIMES = ("entry_time", "exit_time", "timestamp", "created")
# What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")

COLUMNS = {
    "trades": (
        *("trade_id", "symbol", "side", "status", "amount", "entry_time", "entry_price"),
        *("exit_time", "exit_price", "exit_reason", "fees", "pnl", "return", "bars"),
    ),
    "orders": (
        *("order_id", "trade_id", "symbol", "side", "type", "status", "purpose", "amount"),
        *("price", "fee", "timestamp", "created"),
    ),
}


def equity(request: HttpRequest, run: Run) -> HttpResponse:
    """`charts.equity`; zoomed in with `?from=…&to=…`, UTC ms."""

    def draw() -> charts.Figure:
        return charts.equity(run, *_bounds(request))

    return _figure(request, draw, lambda: _marks([run], run.symbols))


def candles(request: HttpRequest, run: Run) -> HttpResponse:
    """`charts.candles` of `?symbol=BTC/USDT`, the run's first without; `from` and `to` alike."""

    def draw() -> charts.Figure:
        return charts.candles(run, _symbol(request, run), *_bounds(request))

    return _figure(request, draw, lambda: _marks([run], [_symbol(request, run)]))


def comparison(runs: Sequence[Run], request: HttpRequest | None = None) -> HttpResponse:
    """`charts.comparison`; with `request`, compressed and only if it is news."""
    return _figure(request, lambda: charts.comparison(runs), lambda: _marks(runs, ()))


def library(request: HttpRequest) -> HttpResponse:
    """plotly.js out of the installed package: nothing is copied, nothing comes from afar.

    Kept for ever under a URL that names its version (`…?v=` plotly_js.VERSION).
    """
    etag = f'W/"plotly-{plotly_js.VERSION}"'
    named = plotly_js.VERSION in request.get_full_path()
    answer = get_conditional_response(request, etag=etag)
    if answer is None:
        packed = _takes_gzip(request)
        answer = HttpResponse(
            pack_library() if packed else plotly_js.path().read_bytes(),
            content_type="text/javascript; charset=utf-8",
            headers={"Content-Encoding": "gzip"} if packed else None,
        )
    answer["ETag"] = etag
    answer["Cache-Control"] = _FOREVER if named else "public, no-cache"
    patch_vary_headers(answer, ["Accept-Encoding"])
    return answer


def artifact(request: HttpRequest, run: Run, name: str) -> HttpResponse:
    """The table `name` as the Parquet file it is.  Raises ARTIFACT_NOT_FOUND."""
    found = queries.Results(run).artifact(name)
    etag = f'"{found.sha256}"'
    answer = get_conditional_response(request, etag=etag)
    if answer is None:
        answer = _download(
            HttpResponse(queries.content(found), content_type="application/vnd.apache.parquet"),
            f"{run.public_id}-{found.name}.parquet",
        )
    answer["ETag"] = etag
    return answer


def table_csv(run: Run, name: str) -> StreamingHttpResponse:
    """All rows of a table, written as they are read; times are UTC.

    Raises ARTIFACT_NOT_FOUND for another table, and for one that is lost or damaged.
    """
    if name not in COLUMNS:
        raise NotFound("ARTIFACT_NOT_FOUND", f"No table {name[:40]}", available=list(COLUMNS))
    pages = _pages(queries.Results(run), name)
    try:
        first = next(pages)
    except (OSError, ValueError):
        raise NotFound("ARTIFACT_NOT_FOUND", f"The run's file of {name} is damaged") from None
    answer = StreamingHttpResponse(
        _csv(COLUMNS[name], first, pages), content_type="text/csv; charset=utf-8"
    )
    return _download(answer, f"{run.public_id}-{name}.csv")


def report(run: Run) -> HttpResponse:
    """The run's report as one HTML file to keep or to mail."""
    from .report import file_name, standalone

    answer = HttpResponse(standalone(run), content_type="text/html; charset=utf-8")
    return _download(answer, file_name(run))


def _download(answer: Any, name: str) -> Any:
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "private, no-cache"
    return answer


# --- figures ---


def _figure(
    request: HttpRequest | None,
    draw: Callable[[], charts.Figure],
    marked: Callable[[], str | None],
) -> HttpResponse:
    try:
        mark = marked()
        etag = _etag(request, mark) if request and mark else None
        answer = get_conditional_response(request, etag=etag) if request and etag else None
        answer = answer or _json(request, charts.to_json(draw()))
        if etag:
            answer["ETag"] = etag
    except InvalidInput as error:
        answer = _refused(error)
    except DAMAGED:
        told = NotFound("ARTIFACT_NOT_FOUND", "The run's files are missing or damaged")
        answer = _refused(told)
    answer["Cache-Control"] = "private, no-cache"
    patch_vary_headers(answer, ["Accept-Encoding"])
    return answer


def _json(request: HttpRequest | None, body: bytes) -> HttpResponse:
    packed = request is not None and len(body) > _WORTH_PACKING and _takes_gzip(request)
    return HttpResponse(
        gzip.compress(body, 5, mtime=0) if packed else body,
        content_type="application/json",
        headers={"Content-Encoding": "gzip"} if packed else None,
    )


def _refused(error: CracktraderError) -> HttpResponse:
    told = {"code": error.code, "message": error.message}
    return HttpResponse(orjson.dumps(told), status=404, content_type="application/json")


def _symbol(request: HttpRequest, run: Run) -> Symbol:
    symbol = Symbol(request.GET.get("symbol", run.symbols[0]))
    if symbol not in run.symbols:
        raise InvalidInput("INVALID_SYMBOL", f"The run does not trade {symbol}", valid=run.symbols)
    return symbol


def _bounds(request: HttpRequest) -> tuple[int | None, int | None]:
    return _moment(request, "from"), _moment(request, "to")


def _moment(request: HttpRequest, name: str) -> int | None:
    text = request.GET.get(name)
    if text is not None and (len(text) > 15 or not (text.isascii() and text.isdigit())):
        raise InvalidInput("INVALID_VALUE", f"{name} is no time in UTC ms", valid="1704067200000")
    return None if text is None else int(text)


def _marks(runs: Sequence[Run], symbols: Sequence[str]) -> str | None:
    found = [series.mark(run, symbols) for run in runs]
    return None if None in found else "&".join(str(mark) for mark in found)


def _etag(request: HttpRequest, mark: str) -> str:
    seen = f"{_code()}|{request.get_full_path()}|{mark}"
    # Weak: the same figure, packed or not.
    return f'W/"{hashlib.sha256(seen.encode()).hexdigest()[:32]}"'


@lru_cache(maxsize=1)
def _code() -> str:
    """Of the code that draws: another version draws anew."""
    digest = hashlib.sha256()
    for module in (charts, curves, marks, palette, series, formats):
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()


def _takes_gzip(request: HttpRequest) -> bool:
    offered = request.headers.get("Accept-Encoding", "").replace(" ", "").lower().split(",")
    return any(coding in ("gzip", "gzip;q=1", "gzip;q=1.0") for coding in offered)


@lru_cache(maxsize=1)
def pack_library() -> bytes:
    """plotly.js, compressed once a process."""
    return gzip.compress(plotly_js.path().read_bytes(), 6, mtime=0)


# --- tables ---


def _pages(results: queries.Results, name: str) -> Iterator[list[dict[str, Any]]]:
    offset = 0
    while True:
        rows = results.rows(name, offset, ROWS_AT_ONCE)
        yield rows
        if len(rows) < ROWS_AT_ONCE:
            return
        offset += len(rows)


def _csv(
    columns: Sequence[str],
    first: list[dict[str, Any]],
    rest: Iterator[list[dict[str, Any]]],
) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(columns)

    def written(rows: list[dict[str, Any]]) -> str:
        writer.writerows([_cell(column, row[column]) for column in columns] for row in rows)
        text = buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
        return text

    yield written(first)
    for rows in rest:
        yield written(rows)


def _cell(column: str, value: Any) -> Any:
    if column in _TIMES and isinstance(value, int):
        return iso(value)
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
