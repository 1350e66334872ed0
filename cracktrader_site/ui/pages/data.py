"""The candles that are held: every series, and each one by itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path

from cracktrader_site.ui.download_form import DownloadForm, first_values
from cracktrader_site.ui.visitors import page
from exchanges import machines, queries
from exchanges.coverage import Coverage
from exchanges.models import CandleSeries

from . import downloads

SERIES_A_PAGE = 25
MOST_YEARS = 20
MOST_DOWNLOADS = 5


@dataclass
class Held:
    """A series as a row shows it; its coverage is read from disk, and so comes later."""

    series: CandleSeries
    coverage: Coverage | None = None
    damaged: list[str] = field(default_factory=list)

    @property
    def end_ms(self) -> int | None:
        """Where its last bar closes."""
        last = self.series.last_ms
        return None if last is None else last + queries.series_key(self.series).timeframe.ms

    @property
    def is_here(self) -> bool:
        """Whether it is on the disk of the machine that shows it."""
        return self.series.machine == machines.disk()

    def read(self) -> Held:
        if not self.is_here:
            return self
        key = queries.series_key(self.series)
        self.damaged = queries.store().damaged(key)
        if self.series.first_ms is not None and self.end_ms is not None:
            self.coverage = queries.coverage_bar(key, self.series.first_ms, self.end_ms)
        return self


@page("read")
def data(request: HttpRequest) -> HttpResponse:
    prefilled = {
        name: request.GET[name] for name in DownloadForm.base_fields if name in request.GET
    }
    form = DownloadForm(initial=first_values() | prefilled)
    return _show(request, form)


@page("backtest", methods=("POST",))
def download(request: HttpRequest) -> HttpResponse:
    """Records what is asked for; the list of downloads then shows how far it is."""
    form = DownloadForm(request.POST)
    started = form.save(request.visitor.owner) if form.is_valid() else []  # type: ignore[attr-defined]
    if request.htmx:  # type: ignore[attr-defined]
        context = {"form": form, "started": started} | downloads.listed()
        return render(request, "ui/data_started.html", context)
    if started:
        return redirect(downloads.where())
    return _show(request, form, status=400)


def _show(request: HttpRequest, form: DownloadForm, status: int = 200) -> HttpResponse:
    context = _table(request) | downloads.listed() | {"form": form}
    return render(request, "ui/data.html", context, status=status)


@page("read")
def table(request: HttpRequest) -> HttpResponse:
    """The table of series once more, with what only the disk knows."""
    context = _table(request)
    for row in context["rows"]:
        row.read()
    return render(request, "ui/data_series.html", context | {"read": True})


@page("read")
def series(request: HttpRequest, number: int) -> HttpResponse:
    found = queries.series_table().filter(pk=number).first()
    if found is None:
        raise Http404
    held = Held(found).read()
    key = queries.series_key(found)
    asked = queries.downloads().filter(
        exchange=found.exchange, symbol=found.symbol, timeframe=found.timeframe
    )
    context = {
        "held": held,
        "series": found,
        "years": _years(held, key) if held.coverage else [],
        "downloads": asked[:MOST_DOWNLOADS],
    }
    return render(request, "ui/data_one.html", context)


def _table(request: HttpRequest) -> dict[str, Any]:
    search = request.GET.get("q", "").strip()[:80].replace("\0", "")
    found = queries.series_table(search)
    shown = Paginator(found, SERIES_A_PAGE).get_page(request.GET.get("page"))
    return {
        "rows": [Held(row) for row in shown],
        "shown": shown,
        "search": search,
        "machines": machines.several(),
        "bars": found.aggregate(bars=Sum("rows"))["bars"] or 0,
    }


def _years(held: Held, key: Any) -> list[tuple[int, Coverage]]:
    """The coverage of each calendar year, the newest first."""
    assert held.series.first_ms is not None
    assert held.end_ms is not None
    first, last = (_year(ms) for ms in (held.series.first_ms, held.end_ms - 1))
    return [
        (
            year,
            queries.coverage_bar(
                key, max(_january(year), held.series.first_ms), min(_january(year + 1), held.end_ms)
            ),
        )
        for year in range(last, max(first, last - MOST_YEARS + 1) - 1, -1)
    ]


def _year(ms: int) -> int:
    return datetime.fromtimestamp(ms / 1000, UTC).year


def _january(year: int) -> int:
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp() * 1000)


urlpatterns = [
    path("data", data, name="data"),
    path("data/download", download, name="download"),
    path("data/series", table, name="series_table"),
    path("data/series/<int:number>", series, name="series"),
    *downloads.urlpatterns,
]
