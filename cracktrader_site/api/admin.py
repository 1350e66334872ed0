"""Keys and the audit trail in the admin: made and revoked, looked at, never edited."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
)

from exchanges.domain import InvalidInput
from runs.admin.access import ReadOnly

from . import audit, keys
from .models import ApiKey, AuditEntry

_STATE_LABELS = {"active": "success", "expired": "warning", "revoked": "danger"}


class KeyForm(forms.ModelForm):
    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope) for scope in keys.SCOPES],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="read looks; backtest, paper and live start and stop such runs.",
    )
    days = forms.IntegerField(
        min_value=1,
        max_value=36_500,
        required=False,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="For how long it is valid; empty: until it is revoked.",
    )

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        try:
            keys.check_name(name)
        except InvalidInput as error:
            raise forms.ValidationError(error.message) from None
        return name

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        days = self.cleaned_data.get("days")
        if days is not None:
            self.instance.expires_at = timezone.now() + timedelta(days=days)
        return cleaned


@admin.register(ApiKey)
class ApiKeyAdmin(ModelAdmin):
    form = KeyForm
    list_display = (
        *("name", "shown_prefix", "shown_scopes", "created_at", "last_used_at"),
        *("expires_at", "shown_state"),
    )
    search_fields = ("name", "prefix")
    actions = ("revoke",)

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        if obj is None:
            return ("name", "scopes", "days")
        return (
            *("name", "shown_prefix", "shown_scopes", "shown_state"),
            *("created_at", "last_used_at", "expires_at", "revoked_at"),
        )

    def get_readonly_fields(
        self, request: HttpRequest, obj: ApiKey | None = None
    ) -> tuple[str, ...]:
        return self.get_fields(request, obj) if obj is not None else ()

    @display(description="prefix", ordering="prefix")
    def shown_prefix(self, key: ApiKey) -> str:
        return f"ct_{key.prefix}"

    @display(description="scopes")
    def shown_scopes(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    @display(description="state", label=_STATE_LABELS)
    def shown_state(self, key: ApiKey) -> str:
        return key.state

    # --- what may be done ---

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("api.change_apikey"))

    @admin.action(description="Revoke", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        who = audit.admin(request.user.get_username())
        count = sum(keys.revoke(key, who) for key in queryset)
        self.message_user(request, f"{count} revoked.", messages.SUCCESS)

    # --- adding ---

    @sensitive_variables()
    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        request._api_key = keys.issue(obj, audit.admin(request.user.get_username()))

    @sensitive_variables()
    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        """A page, not a message: messages are kept in cookies and sessions until they are seen."""
        context = {
            **self.admin_site.each_context(request),
            "title": "Key made",
            "opts": self.opts,
            "key": obj,
            "text": request._api_key,
            "change_url": reverse("admin:api_apikey_change", args=[obj.pk]),
            "list_url": reverse("admin:api_apikey_changelist"),
        }
        return TemplateResponse(request, "admin/api/key.html", context)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnly, ModelAdmin):
    list_display = ("at", "who", "action", "target", "detail")
    list_filter = ("action",)
    search_fields = ("who", "target")
    date_hierarchy = "at"
    list_per_page = 100
    show_full_result_count = False
    fields = readonly_fields = ("at", "who", "action", "target", "detail")
