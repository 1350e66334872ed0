"""What does not match at the venues: to look at, and to decide."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin
from unfold.decorators import display

from exchanges.domain import InvalidInput
from runs import formats
from runs.models import Discrepancy
from runs.trading import discrepancies
from runs.trading.words import EFFECTS, MEANINGS, sides

from . import pages
from .access import ReadOnly

Kind = Discrepancy.Kind

_LABELS = {"open": "danger", "being done": "warning", "resolved": "success"}


class OpenFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", "open"), ("0", "resolved")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Discrepancy]
    ) -> QuerySet[Discrepancy]:
        if self.value() in ("0", "1"):
            return queryset.filter(resolved_at__isnull=self.value() == "1")
        return queryset


@admin.register(Discrepancy)
class DiscrepancyAdmin(ReadOnly, ModelAdmin):
    list_display = (
        *("what", "state", "symbol", "about", "of_run", "account", "found"),
        *("resolution", "resolved_by"),
    )
    list_filter = (OpenFilter, "kind", ("account", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("run", "account__exchange")
    list_per_page = 100
    show_full_result_count = False
    search_fields = ("subject", "symbol")
    actions = None

    class Media:
        css: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("runs/admin.css",)}

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        return [F("resolved_at").desc(nulls_first=True), "-id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Discrepancy]:
        found = super().get_queryset(request).select_related("run", "account__exchange")
        return found.defer("account__exchange__markets", "run__config", "run__checkpoint")

    @display(description="discrepancy", ordering="kind")
    def what(self, row: Discrepancy) -> str:
        return row.kind.replace("_", " ")

    @display(description="state", label=_LABELS)
    def state(self, row: Discrepancy) -> str:
        return _state(row)

    @display(description="about")
    def about(self, row: Discrepancy) -> str:
        return formats.printable(row.subject)

    @display(description="run", ordering="run_id")
    def of_run(self, row: Discrepancy) -> SafeString | str:
        if row.run is None:
            return formats.NOTHING
        return format_html('<a href="{}">{}</a>', pages.url(row.run), row.run)

    @display(description="found (UTC)", ordering="found_at")
    def found(self, row: Discrepancy) -> str:
        return row.found_at.strftime("%Y-%m-%d %H:%M:%S")

    # --- one of them ---

    def may_decide(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("runs.change_discrepancy"))

    def get_urls(self) -> list[URLPattern]:
        decide = self.admin_site.admin_view(require_POST(self.decide_view))
        own = path("<int:row_id>/decide/", decide, name="runs_discrepancy_decide")
        return [own, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Ours and theirs side by side, and what can be done, instead of Django's form."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = self.get_object(request, object_id)
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        context = {
            **self.admin_site.each_context(request),
            "title": str(row),
            "opts": self.opts,
            "original": row,
            "row": row,
            "what": self.what(row).capitalize(),
            "state": _state(row),
            "state_label": _LABELS[_state(row)],
            "meaning": MEANINGS[Kind(row.kind)],
            "note": row.ours.get("note", ""),
            "sides": sides(row),
            "run_url": pages.url(row.run) if row.run is not None else "",
            "decide_url": reverse("admin:runs_discrepancy_decide", args=[row.pk]),
            "actions": self._offered(request, row),
        }
        return TemplateResponse(request, "admin/runs/discrepancy_page.html", context)

    def _offered(self, request: HttpRequest, row: Discrepancy) -> list[tuple[str, str]]:
        if row.resolved_at is not None or row.resolution or not self.may_decide(request):
            return []
        return [(name, EFFECTS[row.kind, name]) for name in discrepancies.actions(row)]

    def decide_view(self, request: HttpRequest, row_id: int) -> HttpResponse:
        if not self.may_decide(request):
            raise PermissionDenied
        row = get_object_or_404(Discrepancy, pk=row_id)
        who = f"admin:{request.user.get_username()}"
        action = request.POST.get("action", "")
        page = redirect(reverse("admin:runs_discrepancy_change", args=[row_id]))
        if action == Discrepancy.Resolution.CLOSE and "confirm" not in request.POST:
            self.message_user(request, "Nothing was done: tick that you are sure.", messages.ERROR)
            return page
        try:
            decided = discrepancies.resolve(row, action, who)
        except InvalidInput as error:
            self.message_user(request, error.message, messages.ERROR)
        else:
            waits = decided.resolved_at is None
            text = "Decided; the trader does it in a moment." if waits else "Resolved."
            self.message_user(request, text, messages.SUCCESS)
        return page


def _state(row: Discrepancy) -> str:
    if row.resolved_at is not None:
        return "resolved"
    return "being done" if row.resolution else "open"
