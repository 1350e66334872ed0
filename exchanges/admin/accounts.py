"""Accounts at venues: their guards are the operator's, the rest tells how they are."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextInputWidget

from exchanges.domain import InvalidInput
from exchanges.exact import plain
from exchanges.models import Account
from exchanges.services import accounts

from .access import who


class AccountForm(forms.ModelForm):
    class Meta:
        model = Account
        fields = accounts.LIMITS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in accounts.LIMITS:
            if name not in self.fields:
                continue
            value = getattr(self.instance, name)
            self.initial[name] = plain(value) if isinstance(value, Decimal) else value
            self.fields[name] = forms.CharField(
                required=False,
                max_length=40,
                empty_value=None,
                widget=UnfoldAdminTextInputWidget,
                label=name.replace("_", " ").capitalize(),
                help_text=f"{Account._meta.get_field(name).help_text} Empty: no limit.",
            )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name in accounts.LIMITS:
            if name in cleaned:
                try:
                    cleaned[name] = accounts.parse_limit(name, cleaned[name])
                except InvalidInput as error:
                    self.add_error(name, forms.ValidationError(error.message, code=error.code))
        return cleaned

    def _get_validation_exclusions(self) -> set[str]:
        """`parse_limit` has said it; the model's text fields would measure a Decimal's length."""
        return super()._get_validation_exclusions() | set(accounts.LIMITS)


@admin.register(Account)
class AccountAdmin(ModelAdmin):
    form = AccountForm
    list_display = ("__str__", "exchange", "sandbox", "state", "guarded", "reconciled_at", "error")
    list_filter = (
        "sandbox",
        ("exchange", admin.RelatedOnlyFieldListFilter),
        ("killed_at", admin.EmptyFieldListFilter),
    )
    list_select_related = ("exchange",)
    search_fields = ("public_id", "exchange__name")
    actions_list: ClassVar[list[str]] = ["kill_switches"]
    actions_detail: ClassVar[list[str]] = ["kill_switch"]
    fieldsets = (
        (None, {"fields": ("public_id", ("exchange", "sandbox"), "signs_in_with", "created_at")}),
        ("Guards", {"fields": accounts.LIMITS}),
        (
            "State",
            {
                "fields": (
                    "state",
                    ("killed_at", "killed_by"),
                    "paused_until",
                    "reconciled_at",
                    ("failing_since", "error_code", "error"),
                    ("claimed_by", "claimed_until"),
                )
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        return super().get_queryset(request).defer("exchange__markets")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [
            name
            for _, options in self.fieldsets
            for row in options["fields"]
            for name in ((row,) if isinstance(row, str) else row)
            if name not in accounts.LIMITS
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Account, form: Any, change: bool) -> None:
        limits = {name: form.cleaned_data[name] for name in accounts.LIMITS}
        accounts.set_limits(obj, limits, who(request))

    def view_on_site(self, account: Account) -> str:
        return f"/ui/accounts/{account.public_id}"

    @action(description="Kill switches", url_path="to-kill-switches")
    def kill_switches(self, request: HttpRequest) -> HttpResponse:
        return redirect("admin:runs_kill_switches")

    @action(description="Kill switch", url_path="to-kill-switch")
    def kill_switch(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return redirect("admin:runs_kill_switches")

    @display(
        label={"ready": "success", "killed": "danger", "failing": "danger", "paused": "warning"}
    )
    def state(self, account: Account) -> str:
        return accounts.state(account)

    @display(description="guards")
    def guarded(self, account: Account) -> int:
        return sum(getattr(account, name) is not None for name in accounts.LIMITS)

    @display(description="credential")
    def signs_in_with(self, account: Account) -> str:
        return str(account.credential)
