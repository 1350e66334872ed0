"""The list of runs as a visitor wants it: which ones, in which order."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, QuerySet

from exchanges.domain import InvalidInput
from exchanges.models import Exchange
from runs import overview
from runs.filters import ORDERINGS, narrow
from runs.lookup import prefix_filter
from runs.models import Run
from runs.resolve import parse_symbol
from strategies.models import Strategy

A_PAGE = 50
LAST_PAGE = 10_000
ACTIVE = "active"

_ORDERS = {
    "newest": "Newest",
    "oldest": "Oldest",
    "best_return": "Best return",
    "worst_return": "Worst return",
    "best_sharpe": "Best Sharpe",
    "smallest_drawdown": "Smallest drawdown",
}
_ANY = [("", "any")]


def _choices(values: Any) -> list[tuple[str, str]]:
    return [*_ANY, *((value, value) for value in values)]


class RunFilters(forms.Form):
    """Of a query string; nothing in it is required.  `select` once it is valid."""

    q = forms.CharField(
        label="Id or strategy", max_length=100, widget=forms.TextInput(attrs={"type": "search"})
    )
    status = forms.ChoiceField(choices=[*_ANY, (ACTIVE, "active"), *Run.Status.choices])
    mode = forms.ChoiceField(choices=[*_ANY, *Run.Mode.choices])
    strategy = forms.ChoiceField()
    exchange = forms.ChoiceField(label="Venue")
    symbol = forms.CharField(
        max_length=41, widget=forms.TextInput(attrs={"placeholder": "BTC/USDT"})
    )
    order = forms.ChoiceField(choices=list(_ORDERS.items()))
    page = forms.IntegerField(min_value=1, max_value=LAST_PAGE, widget=forms.HiddenInput)

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        runs = Run.objects.order_by()
        strategies = Strategy.objects.filter(Exists(runs.filter(strategy_name=OuterRef("name"))))
        venues = Exchange.objects.filter(Exists(runs.filter(exchange=OuterRef("pk"))))
        for name, used in (("strategy", strategies), ("exchange", venues)):
            self.fields[name].choices = _choices(used.values_list("name", flat=True))
        for field in self.fields.values():
            field.required = False

    def clean_symbol(self) -> str:
        name = str(self.cleaned_data["symbol"]).upper()
        try:
            return str(parse_symbol(name)) if name else ""
        except InvalidInput as error:
            raise ValidationError(error.message) from None

    @property
    def asked(self) -> dict[str, str]:
        """The filters that are set."""
        said = self.cleaned_data
        return {name: said[name] for name in _NARROWING if said.get(name)}

    @property
    def ordering(self) -> str:
        return self.cleaned_data.get("order") or "newest"

    @property
    def number(self) -> int:
        return self.cleaned_data.get("page") or 1

    def select(self, owner: str) -> tuple[list[Run], bool]:
        """The runs of the page, and whether there are more: they are never counted."""
        asked = self.asked
        runs = overview.listed(owner)
        if asked.get("status") == ACTIVE:
            del asked["status"]
            runs = runs.filter(status__in=Run.ACTIVE)
        if "strategy" in asked:
            asked["strategy_name"] = asked.pop("strategy")
        text = asked.pop("q", "")
        runs = narrow(runs, asked | {"order": self.ordering}).order_by(*ORDERINGS[self.ordering])
        if text:
            runs = _search(runs, text)
        offset = (self.number - 1) * A_PAGE
        found = list(runs[offset : offset + A_PAGE + 1])
        return found[:A_PAGE], len(found) > A_PAGE


_NARROWING = ("q", "status", "mode", "strategy", "exchange", "symbol")


def _search(runs: QuerySet[Run], text: str) -> QuerySet[Run]:
    """By the beginning of the id, or part of the strategy's name: both are indexed."""
    names = Strategy.objects.filter(name__icontains=text).values_list("name", flat=True)
    named = runs.filter(strategy_name__in=list(names))
    matches = prefix_filter(text)
    return named if matches is None else named | runs.filter(matches)
