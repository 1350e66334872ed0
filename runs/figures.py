"""HTTP answers with a run's figures and files, for whoever has checked who asks.

Figures never raise: what is wrong is told as JSON, `{"code", "message"}` with
status 404, which charts.js shows.  Files and tables raise the errors of
`exchanges.domain` before the first byte.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import orjson
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response, patch_vary_headers

from exchanges.domain import CracktraderError, InvalidInput, NotFound, Symbol
from exchanges.places import Places

from . import charts, exports, plotly_js, series
from .models import Run
from .results import DAMAGED, Results, opened

_WORTH_PACKING = 1_000
_PARQUET = "application/vnd.apache.parquet"
_FOREVER = "public, max-age=31536000, immutable"

Answer = TypeVar("Answer", bound=HttpResponseBase)
_downloads = Places(2, "Other downloads are being written", patience=1.0, retry=3)


def equity(request: HttpRequest, run: Run) -> HttpResponse:
    """`charts.equity`; zoomed in with `?from=…&to=…`, UTC ms."""

    def draw() -> charts.Figure:
        return charts.equity(run, *_bounds(request))

    return figure(request, draw, lambda: _marks([run], run.symbols))


def candles(request: HttpRequest, run: Run) -> HttpResponse:
    """`charts.candles` of `?symbol=BTC/USDT`, the run's first without; `from` and `to` alike."""

    def draw() -> charts.Figure:
        return charts.candles(run, _symbol(request, run), *_bounds(request))

    return figure(request, draw, lambda: _marks([run], [_symbol(request, run)]))


def comparison(runs: Sequence[Run], request: HttpRequest | None = None) -> HttpResponse:
    """`charts.comparison`; with `request`, compressed and only if it is news."""
    return figure(request, lambda: charts.comparison(runs), lambda: _marks(runs, ()))


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


def artifact(request: HttpRequest, run: Run, name: str) -> HttpResponseBase:
    """The table `name` as the Parquet file it is.  Raises ARTIFACT_NOT_FOUND."""
    found = Results(run).artifact(name)
    etag = f'"{found.sha256}"'
    answer: HttpResponseBase | None = get_conditional_response(request, etag=etag)
    if answer is None:
        answer = _download(
            FileResponse(opened(found), content_type=_PARQUET),
            f"{run.public_id}-{found.name}.parquet",
        )
    answer["ETag"] = etag
    return answer


def table_csv(run: Run, name: str) -> FileResponse:
    """`exports.csv_file`, sent as it is taken.  Raises what that does, and BUSY."""
    with _downloads:
        file = exports.csv_file(run, name)
    answer = FileResponse(file, content_type="text/csv; charset=utf-8")
    return _download(answer, f"{run.public_id}-{name}.csv")


def table_parquet(run: Run, name: str) -> FileResponse:
    """`exports.parquet_file`, sent as it is taken.  Raises what that does, and BUSY."""
    with _downloads:
        file = exports.parquet_file(run, name)
    answer = FileResponse(file, content_type=_PARQUET)
    return _download(answer, f"{run.public_id}-{name}.parquet")


def report(run: Run) -> HttpResponse:
    """The run's report as one HTML file to keep or to mail.  Raises BUSY."""
    from .report import file_name, standalone

    with _downloads:
        page = standalone(run)
    answer = HttpResponse(page, content_type="text/html; charset=utf-8")
    return _download(answer, file_name(run))


def _download(answer: Answer, name: str) -> Answer:
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "private, no-cache"
    return answer


# --- figures ---


def figure(
    request: HttpRequest | None,
    draw: Callable[[], charts.Figure],
    marked: Callable[[], str | None],
) -> HttpResponse:
    """What `draw` gives as JSON; `marked`: what changes where the figure may, None: always."""
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
    """Of this app's code, for most of it may have a hand in a figure: another draws anew."""
    digest = hashlib.sha256()
    for module in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(module.read_bytes())
    return digest.hexdigest()


def _takes_gzip(request: HttpRequest) -> bool:
    offered = request.headers.get("Accept-Encoding", "").replace(" ", "").lower().split(",")
    return any(coding in ("gzip", "gzip;q=1", "gzip;q=1.0") for coding in offered)


@lru_cache(maxsize=1)
def pack_library() -> bytes:
    """plotly.js, compressed once a process."""
    return gzip.compress(plotly_js.path().read_bytes(), 6, mtime=0)
