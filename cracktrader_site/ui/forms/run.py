"""The form of a start: texts as they were typed, and the body of the API that they say.

It judges nothing by itself: what a body may hold is the serializers', the
strategy's and the services' to say, and their findings are put next to the fields.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.forms.boundfield import BoundField

from cracktrader_site.ui import checks
from cracktrader_site.ui.checks import Checked
from cracktrader_site.ui.symbols import venue_label
from exchanges.models import Credential
from runs.descriptions import RATES
from runs.resolve import DEFAULT_CASH
from strategies.models import Strategy

from . import values
from .fields import SERIALIZED, Number, date_field, is_percent, text_field
from .offer import FAVOURITE, SIMULATED, Offer
from .params import OMITTED, Param, params_of

_KEY = re.compile(r"[0-9a-f-]{32,36}")
_DATES = ("start_date", "end_date")
_CASH_TEXT = values.number_text(DEFAULT_CASH)

Texts = Mapping[str, str]


class RunForm(forms.Form):
    """Always bound: to what was typed, and where nothing was, to what a new run begins with."""

    use_required_attribute = False
    began = ""
    """The run that this form has started already, with another body."""

    key = forms.CharField(required=False, widget=forms.HiddenInput)
    was = forms.CharField(required=False, widget=forms.HiddenInput)
    mode = text_field("Mode")
    strategy_name = text_field("Strategy", widget=forms.Select)
    exchange = text_field("Venue", widget=forms.Select)
    symbols = text_field("Symbols", "Spot markets such as BTC/USDT, with commas between them.")
    timeframe = text_field("Timeframe", "The length of a bar.", forms.Select)
    start_date = date_field("From", "UTC. Empty: 1,000 bars before the end.")
    end_date = date_field("Until", "UTC. Empty: the last closed bar.")
    speed = Number(
        "speed",
        "Speed",
        "Times as fast as real time: at 3600 an hour takes a second. 0: all at once.",
        "x",
    )
    initial_cash = Number("initial_cash", "Cash", f"In the quote currency. Empty: {_CASH_TEXT}.")
    fee = Number("fee", "Fee", "Of each fill. Empty: the venue's taker fee.")
    slippage = Number("slippage", "Slippage", "By which each fill is worse.")
    position_size = Number("position_size", "Position size", "Of the free cash an entry spends.")
    cash = text_field(
        "Cash split",
        "Of several symbols: its own part for each, or one pool for all.",
        forms.Select(choices=[("sleeves", "Each its own part"), ("shared", "One pool")]),
    )
    stop_loss = Number(
        "stop_loss", "Stop loss", "Below the entry's price. Not with a trailing stop."
    )
    trailing_stop = Number("trailing_stop", "Trailing stop", "Below the highest high since entry.")
    take_profit = Number("take_profit", "Take profit", "Above the entry's price.")
    max_drawdown = Number(
        "max_drawdown", "Largest drawdown", "At which all is sold and trading ends."
    )
    daily_loss = Number(
        "daily_loss", "Largest daily loss", "At which all is sold and trading ends."
    )
    account = text_field("Account", "A stored credential of the venue.", forms.Select)
    confirm_live = forms.BooleanField(
        required=False, label="Yes, place real orders on this account."
    )

    def __init__(self, offer: Offer, given: Texts) -> None:
        self.offer = offer
        self.strategy = offer.strategy
        self.params = _params(offer.strategy)
        self.beginnings = starting_texts()
        self.beginnings |= {self.param_name(p): p.initial for p in self.params}
        self.beginnings |= self.own_beginnings(given)
        texts = dict(self.beginnings)
        texts |= {name: text for name, text in given.items() if name in texts}
        if texts["strategy_name"] == "" and "strategy_name" not in given and offer.strategies:
            texts["strategy_name"] = offer.strategies[0].name
        if not _KEY.fullmatch(texts["key"]):
            texts["key"] = str(uuid.uuid4())
        if texts["mode"] == "live":
            _forget_what_nobody_meant(texts, given)
        # Of fields that another strategy has: they come back with it.
        self.kept = {n: t for n, t in given.items() if n not in texts and _is_param(n)}
        self.texts = texts
        self.typed = dict(given)
        super().__init__(data=texts | {"was": texts["mode"]})
        for param in self.params:
            self.fields[self.param_name(param)] = param.field
            # What is taken where nothing is typed.
            if param.initial and not isinstance(param.field.widget, forms.Select):
                param.field.widget.attrs["placeholder"] = param.initial
        self._offer_choices()
        self._hide_what_does_not_apply()

    def own_beginnings(self, given: Texts) -> dict[str, str]:
        """What fields hold at first that a form has besides."""
        return {}

    def own_field(self, path: str) -> str | None:
        """The field that a path in the body is about, of those that a form has besides."""
        return None

    def param_name(self, param: Param | str) -> str:
        name = param if isinstance(param, str) else param.name
        return f"{self.strategy.name if self.strategy else ''}.{name}"

    @property
    def chosen_mode(self) -> str:
        return self.texts["mode"]

    @property
    def account_label(self) -> str:
        """The account as it is offered; nothing while none of those is chosen."""
        chosen = (c for c in self.offer.credentials if c.name == self.texts["account"])
        return next(map(_account_label, chosen), "")

    @property
    def check(self) -> Checked | None:
        """What the last check of the chosen strategy found."""
        return checks.last(self.strategy) if self.strategy else None

    @property
    def refusal(self) -> str:
        """Why what is chosen cannot be started by anybody, or not by this visitor."""
        mode, exchange = self.offer.mode(self.chosen_mode), self.offer.exchange
        if mode is None or mode.refusal or mode.name != "live" or exchange is None:
            return mode.refusal if mode else ""
        if exchange.builtin:
            return f"{exchange.title} invents its prices: choose a venue that takes orders."
        if not self.offer.credentials:
            return f"No credential of {exchange.title or exchange.name} is stored here yet."
        return ""

    @property
    def about(self) -> list[str]:
        """The strategy's description, a paragraph each."""
        text = self.strategy.description.replace("`", "") if self.strategy else ""
        return [" ".join(part.split()) for part in re.split(r"\n\s*\n", text) if part.strip()]

    @property
    def param_fields(self) -> list[BoundField]:
        return [self[self.param_name(param)] for param in self.params]

    @property
    def top_errors(self) -> list[tuple[str, str]]:
        """(code, message) of what belongs to no field."""
        data = self.non_field_errors().as_data()
        return [(str(error.code or ""), str(error.message)) for error in data]

    def body(self, instead: Texts | None = None) -> dict[str, Any]:
        """The JSON of POST /run/backtest or /run/live; what it would take anyway is left out.

        `instead`: texts to take in place of those that were typed.
        """
        typed = self.texts | dict(instead or {})
        texts = {name: text.strip() for name, text in typed.items()}
        mode = texts["mode"]
        body: dict[str, Any] = {"strategy_name": texts["strategy_name"]}
        if params := self._params(typed):
            body["strategy_params"] = params
        body |= {
            "symbols": values.names(texts["symbols"]),
            "timeframe": texts["timeframe"],
            "exchange": texts["exchange"],
        }
        if mode != "backtest":
            body["mode"] = "paper" if mode == "replay" else mode
        dates = {name: values.moment(texts[name]) for name in _DATES if texts[name]}
        if mode == "backtest":
            body |= dates
        elif mode == "replay":
            speed = values.number(texts["speed"])
            body["replay"] = dates | ({} if speed in ("", 0) else {"speed": speed})
        elif mode == "live":
            body |= self._live(texts)
        return body | dict(self._numbers(texts))

    def _numbers(self, texts: Texts) -> Iterator[tuple[str, Any]]:
        for name in ("initial_cash", *RATES, "cash"):
            if texts[name] == "":
                continue
            read = values.fraction if is_percent(name) else values.number
            value = texts[name] if name == "cash" else read(texts[name])
            named_anyway = name == "initial_cash" and texts["mode"] == "live"
            if named_anyway or value != SERIALIZED[name].default:
                yield name, value

    def _live(self, texts: Texts) -> dict[str, Any]:
        live: dict[str, Any] = {}
        if texts["account"]:
            live["exchange_config"] = {"credential": texts["account"]}
            if any(c.name == texts["account"] and c.sandbox for c in self.offer.credentials):
                live["exchange_config"]["sandbox"] = True
        return live | ({"confirm_live": True} if texts["confirm_live"] else {})

    def _params(self, typed: Texts) -> dict[str, Any]:
        found = {}
        for param in self.params:
            text = typed[self.param_name(param)]
            value = param.value(text.strip() if param.field.strip else text)
            if value is not OMITTED:
                found[param.name] = value
        return found

    def _offer_choices(self) -> None:
        offer, texts = self.offer, self.texts
        strategies = [(one.name, one.name) for one in offer.strategies]
        venues = [(venue.name, venue_label(venue)) for venue in offer.exchanges]
        frames = [(name, name) for name in (offer.exchange.timeframes if offer.exchange else [])]
        accounts = [(one.name, _account_label(one)) for one in offer.credentials]
        for name, choices in (
            ("strategy_name", strategies),
            ("exchange", venues),
            ("timeframe", frames),
            ("account", [("", "Choose …"), *accounts]),
            ("cash", [("sleeves", "Each its own part"), ("shared", "One pool")]),
        ):
            _choose(self.fields[name], choices, texts[name])
        for param in self.params:
            if isinstance(param.field.widget, forms.Select):
                _choose(
                    param.field, list(param.field.widget.choices), texts[self.param_name(param)]
                )
        if offer.exchange is not None and offer.exchange.taker is not None:
            taker = values.percent_text(offer.exchange.taker)
            self.fields["fee"].widget.attrs["placeholder"] = taker

    def _hide_what_does_not_apply(self) -> None:
        """Hidden, not left out: it is there again when the mode is changed back."""
        shown = {
            "backtest": set(_DATES),
            "replay": {*_DATES, "speed"},
            "live": {"account", "confirm_live"},
        }.get(self.chosen_mode, set())
        for name in {*_DATES, "speed", "account", "confirm_live"} - shown:
            if name == "confirm_live":
                del self.fields[name]
            else:
                self.fields[name].widget = forms.HiddenInput()
        if self.chosen_mode == "live":
            self.fields["initial_cash"].label = "Cash it may use"
            self.fields[
                "initial_cash"
            ].help_text = "The most the run may deploy. It has no default."


def starting_texts() -> dict[str, str]:
    """What the fields of a new run hold before anybody types."""
    texts = dict.fromkeys(RunForm.base_fields, "")
    return texts | {
        "mode": "backtest",
        "strategy_name": FAVOURITE,
        "exchange": SIMULATED,
        "symbols": "BTC/USDT",
        "timeframe": "1h",
        "speed": "0",
        "initial_cash": _CASH_TEXT,
        "slippage": "0",
        "position_size": "100",
        "cash": "sleeves",
    }


def _forget_what_nobody_meant(texts: dict[str, str], given: Texts) -> None:
    """What a backtest begins with is not what somebody wants to risk."""
    just_chosen = texts["was"] != "live"
    if just_chosen:
        texts["confirm_live"] = ""
    if just_chosen or "initial_cash" not in given:
        cash = texts["initial_cash"]
        texts["initial_cash"] = "" if cash == _CASH_TEXT else cash


def _params(strategy: Strategy | None) -> list[Param]:
    version = strategy.current if strategy else None
    return params_of(version.params_schema, version.defaults) if version else []


def _account_label(credential: Credential) -> str:
    return f"{credential.name} (sandbox)" if credential.sandbox else credential.name


def _is_param(name: str) -> bool:
    return "." in name and len(name) <= 200


def _choose(field: forms.Field, choices: list[tuple[Any, str]], chosen: str) -> None:
    """What was chosen stays chosen, whether or not it is offered: the API says what is wrong."""
    known = any(value == chosen for value, _ in choices)
    extra = [] if known else [(chosen, f"{chosen} (not offered)" if chosen else "Choose …")]
    field.widget.choices = [*extra, *choices]  # type: ignore[attr-defined]
