"""Runs in the admin: the list, its actions, and the way to each run's pages."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin
from unfold.decorators import display

from exchanges.admin.access import who
from exchanges.domain import CracktraderError
from runs import figures, formats, plotly_js, punctuality, queries, services
from runs.lookup import prefix_filter
from runs.models import Run
from strategies.models import Strategy

from . import cells, compare, pages
from .access import ReadOnly, may_operate
from .filters import BarsFilter, ExchangeFilter, StrategyFilter

MAX_STARTED_AT_ONCE = 20


@admin.register(Run)
class RunAdmin(ReadOnly, ModelAdmin):
    list_display = (
        "title",
        "state",
        "strategy",
        "markets",
        "kind",
        "behind",
        "earned",
        "sharpe",
        "drawdown",
        "trades",
        "curve",
        "created",
    )
    list_filter = (
        "status",
        "mode",
        StrategyFilter,
        ExchangeFilter,
        BarsFilter,
        ("created_at", admin.DateFieldListFilter),
    )
    list_per_page = 50
    list_max_show_all = 0
    list_fullwidth = True
    # One COUNT a page instead of two.
    show_full_result_count = False
    ordering = ("-id",)
    search_fields = ("public_id", "strategy_name")
    search_help_text = "Beginning of a run's id, or part of a strategy's name"
    actions = ("compare", "start_again", "stop")

    class Media:
        css = {"all": ("runs/admin.css",)}

    # --- the list ---

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        # The config is not read for a list, and says what is a replay.
        return queries.list_runs().annotate(speed=F("config__replay__speed"))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Run], search_term: str
    ) -> tuple[QuerySet[Run], bool]:
        """Both parts are answered by an index: names are looked up where they are few."""
        if not search_term:
            return queryset, False
        names = list(
            Strategy.objects.filter(name__icontains=search_term).values_list("name", flat=True)
        )
        found = queryset.filter(strategy_name__in=names)
        matches = prefix_filter(search_term)
        return (found | queryset.filter(matches) if matches is not None else found), False

    @display(description="run", ordering="id")
    def title(self, run: Run) -> str:
        return str(run.public_id)[:8]

    @display(description="status", ordering="status", label=cells.STATUS_LABELS)
    def state(self, run: Run) -> str:
        return run.status

    @display(description="strategy", ordering="strategy_name")
    def strategy(self, run: Run) -> str:
        return run.strategy_name

    @display(description="symbols")
    def markets(self, run: Run) -> str:
        names, more = ", ".join(run.symbols[:3]), len(run.symbols) - 3
        if more > 0:
            names += f" +{more}"
        return f"{names} \N{MIDDLE DOT} {run.timeframe}"

    @display(description="mode", ordering="mode")
    def kind(self, run: Run) -> str:
        return run.mode if run.speed is None else "replay"

    @display(description="behind")
    def behind(self, run: Run) -> SafeString | str:
        """Whether its newest bar is overdue, not how long ago that closed."""
        waits = run.is_active and run.is_stepped and run.speed is None
        if not waits or run.cursor_ms is None:
            return cells.punctuality("", run.late_bars)
        due = punctuality.after(run.cursor_ms, run.timeframe)
        return cells.punctuality(due.text if due.late else "on time", run.late_bars)

    @display(description="return", ordering="total_return")
    def earned(self, run: Run) -> SafeString | str:
        return cells.signed_percent(run.total_return)

    @display(description="Sharpe", ordering="sharpe_ratio")
    def sharpe(self, run: Run) -> SafeString:
        return cells.number(formats.ratio(run.sharpe_ratio))

    @display(description="max DD", ordering="max_drawdown")
    def drawdown(self, run: Run) -> SafeString:
        return cells.number(formats.percent(run.max_drawdown))

    @display(description="trades", ordering="trade_count")
    def trades(self, run: Run) -> SafeString:
        return cells.number(f"{run.trade_count:,}")

    @display(description="equity")
    def curve(self, run: Run) -> SafeString | str:
        return cells.sparkline(run.sparkline)

    @display(description="created (UTC)", ordering="created_at")
    def created(self, run: Run) -> SafeString:
        return cells.number(run.created_at.strftime("%Y-%m-%d %H:%M"))

    # --- actions ---

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return may_operate(request)

    @admin.action(description="Stop", permissions=["operate"])
    def stop(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        active = queryset.filter(status__in=Run.ACTIVE)
        asked = [services.request_stop(run, by=who(request)) for run in active]
        self.message_user(request, f"{len(asked)} asked to stop.", messages.SUCCESS)

    @admin.action(description="Run again", permissions=["operate"])
    def start_again(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        chosen = list(queryset.defer(None).order_by("id")[: MAX_STARTED_AT_ONCE + 1])
        if len(chosen) > MAX_STARTED_AT_ONCE:
            self.message_user(
                request, f"At most {MAX_STARTED_AT_ONCE} runs at a time.", messages.ERROR
            )
            return
        for run in chosen:
            self._start_again(request, run)

    def _start_again(self, request: HttpRequest, run: Run) -> Run | None:
        try:
            new = services.start_again(run, run.owner)
        except CracktraderError as error:
            self.message_user(request, f"{run}: {error}", messages.ERROR)
            return None
        link = format_html('<a href="{}">{}</a>', pages.url(new), new)
        self.message_user(request, format_html("Started {}.", link), messages.SUCCESS)
        return new

    @admin.action(description="Compare two to eight", permissions=["view"])
    def compare(self, request: HttpRequest, queryset: QuerySet[Run]) -> HttpResponse | None:
        chosen = list(queryset.order_by("id").values_list("id", flat=True)[: compare.MOST + 1])
        if not compare.FEWEST <= len(chosen) <= compare.MOST:
            self.message_user(
                request, f"Choose {compare.FEWEST} to {compare.MOST} runs.", messages.ERROR
            )
            return None
        asked = ",".join(str(key) for key in chosen)
        return redirect(f"{reverse('admin:runs_run_compare')}?runs={asked}")

    # --- one run ---

    def get_urls(self) -> list[URLPattern]:
        views = {
            "compare/": ("compare", compare.page),
            "compare/equity.json": ("compare_figure", compare.figure),
            "<int:run_id>/trades/": ("trades", pages.trades),
            "<int:run_id>/equity.json": ("equity", pages.equity_figure),
            "<int:run_id>/candles.json": ("candles", pages.candles_figure),
            "<int:run_id>/artifacts/<str:name>/": ("artifact", pages.artifact),
            "<int:run_id>/stop/": ("stop", require_POST(self.stop_view)),
            "<int:run_id>/again/": ("again", require_POST(self.start_again_view)),
        }
        own = [
            path(route, self._guarded(view), name=f"runs_run_{name}")
            for route, (name, view) in views.items()
        ]
        # Public: the library is no secret, and the URL names its version.
        library = path(f"plotly-{plotly_js.VERSION}.js", figures.library, name="runs_plotly_js")
        return [library, *own, *super().get_urls()]

    def _guarded(self, view: Any) -> Any:
        def guarded(request: HttpRequest, **kwargs: Any) -> HttpResponse:
            if not self.has_view_permission(request):
                raise PermissionDenied
            return view(request, **kwargs)

        return self.admin_site.admin_view(guarded)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """A page to read instead of Django's form."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        run = pages.by_key(object_id)
        if run is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return pages.detail(request, run, self.admin_site.each_context(request))

    def stop_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        run = self._operable(request, run_id)
        if run.is_active:
            flatten = run.is_stepped and "flatten" in request.POST
            services.request_stop(run, flatten, by=who(request))
            asked = "Asked to sell everything and stop." if flatten else "Asked to stop."
            self.message_user(request, asked, messages.SUCCESS)
        else:
            self.message_user(request, f"The run is {run.status} already.", messages.INFO)
        return redirect(pages.url(run))

    def start_again_view(self, request: HttpRequest, run_id: int) -> HttpResponse:
        run = self._operable(request, run_id)
        return redirect(pages.url(self._start_again(request, run) or run))

    def _operable(self, request: HttpRequest, run_id: int) -> Run:
        if not may_operate(request):
            raise PermissionDenied
        return pages.get_run(run_id)
