"""Webhooks and what was sent to them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.debug import sensitive_variables
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextInputWidget

from exchanges.admin.access import Audited, who
from exchanges.domain import InvalidInput
from runs import alerts, formats, signing, webhooks
from runs.models import Delivery, Webhook
from runs.posting import MAX_URL, check_url

from .access import ReadOnly

# Each may take as long as a receiver is given, and a browser waits.
MAX_TESTED_AT_ONCE = 3

_STATUS_LABELS = {
    Delivery.Status.WAITING.value: "info",
    Delivery.Status.DELIVERED.value: "success",
    Delivery.Status.FAILED.value: "danger",
}


class WebhookForm(forms.ModelForm):
    url = forms.CharField(
        label="URL",
        max_length=MAX_URL,
        widget=UnfoldAdminTextInputWidget,
        help_text="http or https; private addresses are allowed.",
    )
    kinds = forms.MultipleChoiceField(
        choices=[(kind, kind) for kind in alerts.KINDS],
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="Alerts wanted; none chosen: all.",
    )

    def clean_url(self) -> str:
        try:
            return check_url(self.cleaned_data["url"])
        except InvalidInput as error:
            raise forms.ValidationError(error.message) from None

    def _get_validation_exclusions(self) -> set[str]:
        """URLField knows no host without a dot, as a neighbour's in a private network is."""
        return super()._get_validation_exclusions() | {"url"}


@admin.register(Webhook)
class WebhookAdmin(Audited, ModelAdmin):
    form = WebhookForm
    fields = ("name", "url", "kinds", "run", "enabled", "secret", "created_at")
    readonly_fields = ("secret", "created_at")
    raw_id_fields = ("run",)
    list_display = ("name", "receiver", "of_run", "alerts_wanted", "enabled", "waiting", "failed")
    list_filter = ("enabled",)
    list_select_related = ("run",)
    search_fields = ("name",)
    actions = ("test", "enable", "disable")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Webhook]:
        status = Delivery.Status
        return (
            super()
            .get_queryset(request)
            .annotate(
                waiting_count=Count("deliveries", Q(deliveries__status=status.WAITING)),
                failed_count=Count("deliveries", Q(deliveries__status=status.FAILED)),
            )
        )

    @display(description="receiver")
    def receiver(self, webhook: Webhook) -> str:
        return webhooks.host(webhook.url)

    @display(description="run", ordering="run_id")
    def of_run(self, webhook: Webhook) -> SafeString | str:
        if webhook.run_id is None:
            return "all paper and live runs"
        url = reverse("admin:runs_run_change", args=[webhook.run_id])
        return format_html('<a href="{}">{}</a>', url, webhook.run)

    @display(description="alerts")
    def alerts_wanted(self, webhook: Webhook) -> str:
        return ", ".join(webhook.kinds) or "all"

    @display(description="waiting", ordering="waiting_count")
    def waiting(self, webhook: Webhook) -> int:
        return webhook.waiting_count

    @display(description="failed", ordering="failed_count")
    def failed(self, webhook: Webhook) -> int:
        return webhook.failed_count

    @display(description="secret")
    def secret(self, webhook: Webhook) -> str:
        if not webhook.sealed_secret:
            return "Shown once, when the webhook is added."
        if signing.readable(webhook.sealed_secret):
            return "Kept encrypted; it is not shown again."
        return str(signing.SecretUnreadable())

    # --- adding ---

    @sensitive_variables()
    def save_model(self, request: HttpRequest, obj: Webhook, form: Any, change: bool) -> None:
        if not change:
            request._webhook_secret = webhooks.give_secret(obj)
        super().save_model(request, obj, form, change)

    @sensitive_variables()
    def response_add(
        self, request: HttpRequest, obj: Webhook, post_url_continue: str | None = None
    ) -> HttpResponse:
        """A page, not a message: messages are kept in cookies and sessions until they are seen."""
        context = {
            **self.admin_site.each_context(request),
            "title": "Webhook added",
            "opts": self.opts,
            "webhook": obj,
            "secret": request._webhook_secret,
            "change_url": reverse("admin:runs_webhook_change", args=[obj.pk]),
            "list_url": reverse("admin:runs_webhook_changelist"),
        }
        return TemplateResponse(request, "admin/runs/webhook_secret.html", context)

    # --- deleting ---

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, ...]:
        """Their record goes with them, though it cannot be deleted by itself."""
        chosen = list(objs)
        count = Delivery.objects.filter(webhook__in=chosen).count()
        names = [str(webhook) for webhook in chosen]
        return names, {"webhooks": len(chosen), "deliveries": count}, set(), []

    # --- actions ---

    @admin.action(description="Send a test message", permissions=["change"])
    def test(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> None:
        chosen = list(queryset[: MAX_TESTED_AT_ONCE + 1])
        if len(chosen) > MAX_TESTED_AT_ONCE:
            text = f"At most {MAX_TESTED_AT_ONCE} webhooks at a time."
            self.message_user(request, text, messages.ERROR)
            return
        for webhook in chosen:
            answer = webhooks.send_test(webhook)
            text = formats.printable(f"{webhook}: {answer.error or f'answered {answer.status}'}")
            level = messages.SUCCESS if answer.accepted else messages.ERROR
            self.message_user(request, text, level)

    @admin.action(description="Enable", permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> None:
        for webhook in queryset:
            webhooks.set_enabled(webhook, True, who(request))

    @admin.action(description="Disable", permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> None:
        for webhook in queryset:
            webhooks.set_enabled(webhook, False, who(request))


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly, ModelAdmin):
    """The log of alerts; the one thing to do is to send a failed one again."""

    list_display = (
        "alert",
        "of_run",
        "webhook",
        "state",
        "attempts",
        "response_status",
        "error",
        "due_at",
        "delivered_at",
    )
    list_filter = ("status", ("webhook", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("event__run", "webhook")
    list_per_page = 100
    show_full_result_count = False
    ordering = ("-id",)
    fields = (
        *("message_id", "alert", "of_run", "webhook", "status", "attempts"),
        *("response_status", "error", "due_at", "delivered_at"),
    )
    readonly_fields = ("message_id", "alert", "of_run")
    actions = ("retry",)

    @display(description="alert")
    def alert(self, delivery: Delivery) -> str:
        return delivery.event.kind

    @display(description="run")
    def of_run(self, delivery: Delivery) -> SafeString:
        url = reverse("admin:runs_run_change", args=[delivery.event.run_id])
        return format_html('<a href="{}">{}</a>', url, delivery.event.run)

    @display(description="status", ordering="status", label=_STATUS_LABELS)
    def state(self, delivery: Delivery) -> str:
        return delivery.status

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("runs.change_webhook"))

    @admin.action(description="Send again", permissions=["operate"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        count = alerts.retry(queryset)
        self.message_user(request, f"{count} to be sent again.", messages.SUCCESS)
