"""Venue credentials: typed in once, and never shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminPasswordWidget

from exchanges.domain import CracktraderError, Refused
from exchanges.models import Credential, Exchange
from exchanges.sealing import check_keys
from exchanges.services import credentials

from .access import who


def _hidden(name: str) -> forms.CharField:
    return forms.CharField(
        label=name,
        required=False,
        strip=False,
        max_length=credentials.MAX_LENGTH,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "off"}),
    )


class CredentialForm(forms.ModelForm):
    """What is typed in is sent back to no page, not even to say that it is wrong."""

    apiKey = _hidden("apiKey")
    secret = _hidden("secret")
    password = _hidden("password")
    uid = _hidden("uid")
    privateKey = _hidden("privateKey")
    walletAddress = _hidden("walletAddress")
    token = _hidden("token")

    class Meta:
        model = Credential
        fields = ("name", "exchange", "sandbox")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].required = True

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        _tell(credentials.check_name, name)
        return name

    @sensitive_variables()
    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if "exchange" in cleaned:
            exchange = cleaned["exchange"]
            _tell(check_keys)
            _tell(credentials.check_sandbox, exchange, cleaned["sandbox"])
            _tell(credentials.check_values, exchange, self.values())
        return cleaned

    @sensitive_variables()
    def values(self) -> dict[str, str]:
        names = credentials.CREDENTIAL_KEYS
        return {name: self.cleaned_data[name] for name in names if self.cleaned_data.get(name)}


@admin.register(Credential)
class CredentialAdmin(ModelAdmin):
    """Added and deleted; there is no way to look at one or to change it."""

    list_display = ("name_or_origin", "exchange", "sandbox", "used_by", "state", "created_at", "by")
    list_filter = ("sandbox", ("exchange", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("exchange",)
    search_fields = ("name", "exchange__name")
    add_fields = ("name", "exchange", "sandbox", *credentials.CREDENTIAL_KEYS)
    fields = ("name_or_origin", "exchange", "sandbox", "used_by", "state", "created_at", "by")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Credential]:
        rows = super().get_queryset(request).defer("exchange__markets")
        return rows.annotate(account_count=Count("accounts"))

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if obj is None:
            kwargs["form"] = CredentialForm
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.add_fields if obj is None else self.fields

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        tradable = Exchange.objects.filter(enabled=True).exclude(ccxt_id="").defer("markets")
        return super().formfield_for_foreignkey(db_field, request, queryset=tradable, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @method_decorator(sensitive_post_parameters())
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return super().add_view(request, form_url, extra_context)

    @sensitive_variables()
    def save_model(self, request: HttpRequest, obj: Credential, form: Any, change: bool) -> None:
        credentials.keep(obj, form.values(), who(request))

    # --- deleting ---

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, ...]:
        """One that an account's history refers to loses what it holds, and may therefore go."""
        chosen = list(objs)
        used = [
            f"{credential}: in use by {account}"
            for credential in chosen
            for account in credentials.accounts_in_use(credential)
        ]
        return [str(one) for one in chosen], {"credentials": len(chosen)}, set(), used

    def delete_model(self, request: HttpRequest, obj: Credential) -> None:
        try:
            credentials.discard(obj, who(request))
        except Refused as error:
            # Since the page was shown, a run has begun.
            raise PermissionDenied(error.message) from None

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Credential]) -> None:
        for credential in queryset:
            self.delete_model(request, credential)

    # --- columns ---

    @display(description="name", ordering="name")
    def name_or_origin(self, credential: Credential) -> str:
        return credential.name or f"{credential} (came with a run)"

    @display(description="accounts", ordering="account_count")
    def used_by(self, credential: Credential) -> int:
        return credential.account_count

    @display(label={"readable": "success", "unreadable": "danger", "removed": "info"})
    def state(self, credential: Credential) -> str:
        return credentials.state(credential)

    @display(description="created by", ordering="created_by")
    def by(self, credential: Credential) -> str:
        return credential.created_by


@sensitive_variables()
def _tell(check: Callable[..., None], *arguments: Any) -> None:
    """A refusal as the form shows it."""
    try:
        check(*arguments)
    except CracktraderError as error:
        raise forms.ValidationError(error.message, code=error.code) from None
