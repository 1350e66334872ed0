"""What somebody asks for who wants candles downloaded."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django import forms
from django.urls import reverse_lazy
from django.utils import timezone

from cracktrader_site.ui.symbols import misspelt, venue_label
from exchanges import queries
from exchanges.domain import CracktraderError, Timeframe
from exchanges.models import Download, Exchange
from exchanges.services import downloads

FIRST_CHOICE, FIRST_TIMEFRAME = "simulated", "1h"
MOST_SUGGESTED = 1000
MOST_NAMED = 5
_COMMON_QUOTES = ("USDT", "USDC", "USD", "EUR", "BTC")
_FIELDS = {
    "UNKNOWN_EXCHANGE": "exchange",
    "EXCHANGE_DISABLED": "exchange",
    "UNKNOWN_TIMEFRAME": "timeframe",
    "INVALID_SYMBOL": "symbols",
    "INVALID_SYMBOLS": "symbols",
    "INVALID_RANGE": "start",
    "TOO_MANY_BARS": "start",
}


class DownloadForm(forms.Form):
    """`save` records the downloads; what is refused stands at its field then."""

    exchange = forms.ChoiceField(
        label="Venue",
        widget=forms.Select(
            {
                "hx-get": reverse_lazy("ui:download_offers"),
                "hx-include": "#download-timeframe",
                "hx-target": "#download-offers",
                "hx-swap": "outerHTML",
            }
        ),
    )
    symbols = forms.CharField(
        max_length=1000,
        help_text="Several with commas between them.",
        widget=forms.TextInput(
            attrs={
                "list": "offered-symbols",
                "placeholder": "BTC/USDT",
                "autocomplete": "off",
                "autocapitalize": "characters",
                "spellcheck": "false",
                "data-list-many": "",
            }
        ),
    )
    timeframe = forms.CharField(widget=forms.Select)
    start = forms.DateField(
        label="From", help_text="00:00 UTC.", widget=forms.DateInput({"type": "date"}, "%Y-%m-%d")
    )
    end = forms.DateField(
        label="To",
        required=False,
        help_text="00:00 UTC, not included. Empty: now.",
        widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"),
    )

    def __init__(self, data: Any = None, **more: Any) -> None:
        super().__init__(data, **more, auto_id="download-%s")
        venues = list(queries.venues(include_all=True))
        groups = [("Common", True), ("All others", False)]
        self.fields["exchange"].choices = [
            (title, [(v.name, venue_label(v)) for v in venues if v.common is common])
            for title, common in groups
        ]
        self.venue = self._venue()
        offered = self.venue.timeframes if self.venue else [t.name for t in Timeframe.all()]
        self.fields["timeframe"].widget.choices = [(name, name) for name in offered]

    def suggestions(self) -> list[str]:
        """Symbols to choose from: what is held, then the usual quotes."""
        if self.venue is None:
            return []
        held = set(self.venue.series.values_list("symbol", flat=True))
        listed = {*queries.symbols_of(self.venue), *held}

        def rank(symbol: str) -> tuple[bool, int, str]:
            quote = symbol.partition("/")[2]
            usual = _COMMON_QUOTES.index(quote) if quote in _COMMON_QUOTES else 99
            return symbol not in held, usual, symbol

        return sorted(listed, key=rank)[:MOST_SUGGESTED]

    def clean_symbols(self) -> list[str]:
        names = [name for name in re.split(r"[,;\s]+", self.cleaned_data["symbols"]) if name]
        known = set(queries.symbols_of(self.venue)) if self.venue else set()
        return [name if name in known else name.upper() for name in names]

    def save(self, owner: str) -> list[Download]:
        """Empty where something was refused."""
        asked = self.cleaned_data
        try:
            return downloads.start(
                asked["exchange"],
                asked["symbols"],
                asked["timeframe"],
                _ms(asked["start"]),
                _ms(asked["end"]) if asked["end"] else None,
                owner,
            )
        except CracktraderError as error:
            self.add_error(_FIELDS.get(error.code), self._said(error))
            return []

    def _venue(self) -> Exchange | None:
        name = self["exchange"].value()
        return Exchange.objects.filter(name=name, enabled=True).first()

    def _said(self, error: CracktraderError) -> str:
        """The message, with a few of those that would have been valid."""
        for name in ("supported_symbols", "supported_timeframes"):
            if valid := error.details.get(name):
                more = ", …" if len(valid) > MOST_NAMED else ""
                return f"{error.message}. It has {', '.join(valid[:MOST_NAMED])}{more}"
        if error.code == "INVALID_SYMBOL":
            meant = misspelt(self.venue, self.cleaned_data["symbols"])
            return f"{error.message}: did you mean {meant}?" if meant else error.message
        return error.message


def first_values() -> dict[str, Any]:
    """What the form shows somebody who has asked for nothing yet."""
    last = Download.objects.select_related("exchange").defer("exchange__markets").first()
    venues = list(queries.venues().values_list("name", flat=True))
    if last is not None:
        venue, timeframe = last.exchange.name, last.timeframe
    else:
        first = FIRST_CHOICE if FIRST_CHOICE in venues else next(iter(venues), "")
        venue, timeframe = first, FIRST_TIMEFRAME
    return {
        "exchange": venue,
        "timeframe": timeframe,
        "start": (timezone.now() - timedelta(days=365)).date(),
    }


def _ms(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
