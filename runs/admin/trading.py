"""What was ordered at venues and traded of it; and the kill switches of the accounts."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin
from unfold.decorators import action, display

from exchanges.admin.access import who
from exchanges.domain import CracktraderError
from exchanges.exact import plain
from exchanges.models import Account
from runs import formats
from runs.lookup import prefix_filter
from runs.models import Execution, Run, VenueOrder
from runs.trading import desk, queries
from runs.trading.killing import STEPS

from . import cells
from .access import ReadOnly

State = VenueOrder.State
_LABELS = {
    State.NEW.value: "info",
    State.SUBMITTED.value: "info",
    State.UNKNOWN.value: "danger",
    State.OPEN.value: "info",
    State.PARTIALLY_FILLED.value: "info",
    State.FILLED.value: "success",
    State.CANCELED.value: "warning",
    State.REJECTED.value: "danger",
    State.EXPIRED.value: "warning",
}
_ACCOUNT_LABELS = {"ok": "success", "killed": "danger", "failing": "danger", "paused": "warning"}
SWITCHES = "admin:runs_kill_switches"


@admin.register(VenueOrder)
class VenueOrderAdmin(ReadOnly, ModelAdmin):
    list_display = (
        *("decided", "of_run", "account", "symbol", "side", "type", "purpose"),
        *("status", "size", "done", "paid", "reason"),
    )
    list_filter = (
        "state",
        "side",
        "type",
        "purpose",
        ("account", admin.RelatedOnlyFieldListFilter),
    )
    list_per_page = 100
    list_fullwidth = True
    show_full_result_count = False
    ordering = ("-id",)
    search_fields = ("client_id",)
    search_help_text = "A client order id, or the beginning of a run's id"
    actions = None
    actions_list: ClassVar[list[str]] = ["kill_switches"]
    fields = (
        *("of_run", "account", "order_id", "client_id", "venue_id", "symbol", "side", "type"),
        *("purpose", "state", "reason", "error", "attempt", "decided", "share", "wanted"),
        *("amount", "limit_price", "stop_price", "reference_price", "filled", "cost", "fee_base"),
        *("fee_quote", "fees_other", "cancel_requested_at", "booked", "finished_at"),
    )
    readonly_fields = ("of_run", "decided")

    class Media:
        css: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("runs/admin.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[VenueOrder]:
        orders = super().get_queryset(request).select_related("run", "account__exchange")
        own = [f"run__{name}" for name in ("id", "public_id", "strategy_name", "mode")]
        own += [f"account__{name}" for name in ("id", "fingerprint", "sandbox", "exchange__name")]
        fields = [field.attname for field in VenueOrder._meta.concrete_fields]
        return orders.only(*fields, *own)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[VenueOrder], search_term: str
    ) -> tuple[QuerySet[VenueOrder], bool]:
        if not search_term:
            return queryset, False
        found = queryset.filter(client_id=search_term[:40])
        runs = prefix_filter(search_term)
        if runs is not None:
            found |= queryset.filter(run_id__in=Run.objects.filter(runs).values("id"))
        return found, False

    @display(description="run", ordering="run_id")
    def of_run(self, order: VenueOrder) -> SafeString | str:
        if order.run_id is None:
            return formats.NOTHING
        url = reverse("admin:runs_run_change", args=[order.run_id])
        return format_html('<a href="{}">{}</a>', url, order.run)

    @display(description="decided (UTC)", ordering="created_ms")
    def decided(self, order: VenueOrder) -> SafeString:
        return cells.number(formats.moment(order.created_ms))

    @display(description="status", ordering="state", label=_LABELS)
    def status(self, order: VenueOrder) -> str:
        return str(order.state)

    @display(description="amount")
    def size(self, order: VenueOrder) -> SafeString:
        amount = order.wanted if order.amount is None else order.amount
        return cells.number(formats.NOTHING if amount is None else plain(amount))

    @display(description="filled")
    def done(self, order: VenueOrder) -> SafeString:
        return cells.number(plain(order.filled))

    @display(description="price")
    def paid(self, order: VenueOrder) -> SafeString:
        return cells.number(formats.price(None if order.price is None else float(order.price)))

    # --- kill switches ---

    def get_urls(self) -> list[URLPattern]:
        views = {
            "kill-switches/": ("switches", self.switches_view),
            "kill-switches/<uuid:account_id>/kill/": ("kill", require_POST(self.kill_view)),
            "kill-switches/<uuid:account_id>/release/": (
                "release",
                require_POST(self.release_view),
            ),
        }
        own = [
            path(route, self.admin_site.admin_view(view), name=f"runs_kill_{name}")
            for route, (name, view) in views.items()
        ]
        return [*own, *super().get_urls()]

    @action(description="Kill switches", url_path="to-kill-switches")
    def kill_switches(self, request: HttpRequest) -> HttpResponse:
        return redirect(SWITCHES)

    def switches_view(self, request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm("exchanges.view_account"):
            raise PermissionDenied
        accounts = list(queries.visible_accounts())
        context = {
            **self.admin_site.each_context(request),
            "title": "Kill switches",
            "opts": self.opts,
            "steps": STEPS,
            "may_operate": _may_operate(request),
            "accounts": [
                row | {"name": str(account), "label": _ACCOUNT_LABELS[row["state"]]}
                for account, row in zip(accounts, queries.account_rows(accounts), strict=True)
            ],
        }
        return TemplateResponse(request, "admin/runs/kill_switches.html", context)

    def kill_view(self, request: HttpRequest, account_id: Any) -> HttpResponse:
        account = self._operable(request, account_id)
        if account is None:
            return redirect(SWITCHES)
        steps, reason = request.POST.getlist("steps"), request.POST.get("reason", "")
        try:
            answer = desk.kill(account, steps, who(request), formats.printable(reason)[:300])
        except CracktraderError as error:
            self.message_user(request, error.message, messages.ERROR)
            return redirect(SWITCHES)
        said = f"{account} is killed: the venue takes no order of this desk any more."
        self.message_user(request, said, messages.SUCCESS)
        for order in answer["unknown"]:
            said = f"It is not known whether the venue took {order}."
            self.message_user(request, said, messages.ERROR)
        return redirect(SWITCHES)

    def release_view(self, request: HttpRequest, account_id: Any) -> HttpResponse:
        account = self._operable(request, account_id)
        if account is not None:
            released = desk.release(account, who(request))
            said = "is released; orders pass again." if released else "was not killed."
            self.message_user(request, f"{account} {said}", messages.SUCCESS)
        return redirect(SWITCHES)

    def _operable(self, request: HttpRequest, account_id: Any) -> Account | None:
        """None, and said so, where the form was sent without its confirmation."""
        if not _may_operate(request):
            raise PermissionDenied
        account = queries.visible_accounts().filter(public_id=account_id).first()
        if account is None or "confirm" not in request.POST:
            self.message_user(request, "Tick that you are sure.", messages.ERROR)
            return None
        return account


def _may_operate(request: HttpRequest) -> bool:
    return bool(request.user.has_perm("exchanges.change_account"))


@admin.register(Execution)
class ExecutionAdmin(ReadOnly, ModelAdmin):
    list_display = (
        *("traded", "of_order", "symbol", "side", "trade_id", "how_much", "at", "worth", "charged"),
    )
    list_filter = ("side", ("account", admin.RelatedOnlyFieldListFilter))
    list_per_page = 100
    show_full_result_count = False
    ordering = ("-id",)
    search_fields = ("trade_id",)
    actions = None
    fields = (
        *("traded", "of_order", "account", "symbol", "side", "trade_id"),
        *("amount", "price", "cost", "fee", "fee_currency"),
    )
    readonly_fields = ("traded", "of_order")

    class Media:
        css: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("runs/admin.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Execution]:
        rows = super().get_queryset(request).select_related("order", "account__exchange")
        return rows.defer("account__exchange__markets")

    @display(description="traded (UTC)", ordering="time_ms")
    def traded(self, row: Execution) -> SafeString:
        return cells.number(formats.moment(row.time_ms))

    @display(description="order", ordering="order_id")
    def of_order(self, row: Execution) -> SafeString:
        url = reverse("admin:runs_venueorder_change", args=[row.order_id])
        return format_html('<a href="{}">{}</a>', url, row.order)

    @display(description="amount")
    def how_much(self, row: Execution) -> SafeString:
        return cells.number(plain(row.amount))

    @display(description="price")
    def at(self, row: Execution) -> SafeString:
        return cells.number(plain(row.price))

    @display(description="cost")
    def worth(self, row: Execution) -> SafeString:
        return cells.number(plain(row.cost))

    @display(description="fee")
    def charged(self, row: Execution) -> SafeString:
        return cells.number(f"{plain(row.fee)} {row.fee_currency}")
