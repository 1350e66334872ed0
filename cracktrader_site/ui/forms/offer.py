"""What a new run may be made of: strategies, venues, accounts, and modes the visitor may start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from cracktrader_site.api.keys import Caller
from exchanges import queries as market_data
from exchanges.domain import Refused
from exchanges.models import Credential, Exchange
from runs import services
from strategies import queries as strategies
from strategies.models import Strategy

SIMULATED = "simulated"
FAVOURITE = "MovingAverageCross"
"""The strategy that a new run begins with."""


@dataclass(frozen=True, slots=True)
class Mode:
    """A way to run.  `scope`: what starting it needs; `refusal`: why this visitor may not."""

    name: str
    title: str
    text: str
    scope: str
    refusal: str = ""
    missing: tuple[str, ...] = ()


_MODES = (
    Mode("backtest", "Backtest", "Bars of the past, at once.", "backtest"),
    Mode("paper", "Paper", "Bars to come, simulated fills.", "paper"),
    Mode("replay", "Replay", "Paper trading on bars of the past, watched as it goes.", "paper"),
    Mode("live", "Live", "Real orders at the venue.", "live"),
)
MODES = tuple(mode.name for mode in _MODES)


@dataclass(frozen=True, slots=True)
class Offer:
    """`strategy` and `exchange` are those that were named, None where there is none of that name.

    `credentials`: the stored ones of that venue, for whoever may trade live.
    """

    modes: tuple[Mode, ...]
    strategies: list[Strategy]
    exchanges: list[Exchange]
    strategy: Strategy | None = None
    exchange: Exchange | None = None
    credentials: list[Credential] = field(default_factory=list)

    def mode(self, name: str) -> Mode | None:
        return next((mode for mode in self.modes if mode.name == name), None)


def modes_for(visitor: Caller) -> tuple[Mode, ...]:
    return tuple(_for(visitor, mode) for mode in _MODES)


def offer_to(visitor: Caller, texts: Mapping[str, Any]) -> Offer:
    """`texts`: of the form, for `mode`, `strategy_name` and `exchange`.  At most five queries."""
    modes = modes_for(visitor)
    usable = [strategy for strategy in strategies.strategies() if strategy.usable]
    exchanges = sorted(market_data.venues(), key=lambda venue: venue.name != SIMULATED)
    wanted = str(texts.get("exchange", ""))[:80]
    exchange = next((venue for venue in exchanges if venue.name == wanted), None)
    if exchange is None:
        others = market_data.venues(include_all=True)
        exchange = others.filter(name=wanted).first() if wanted and "\0" not in wanted else None
        exchanges += [exchange] if exchange else []
    named = str(texts.get("strategy_name", ""))
    strategy = next((one for one in usable if one.name == named), None)
    credentials: list[Credential] = []
    is_live = texts.get("mode") == "live" and not modes[-1].refusal
    if is_live and exchange is not None:
        found = Credential.objects.filter(exchange=exchange).exclude(name="")
        credentials = list(found.defer("sealed").order_by("name"))
    return Offer(modes, usable, exchanges, strategy, exchange, credentials)


def _for(visitor: Caller, mode: Mode) -> Mode:
    """The mode with the reason why this visitor cannot start it, if there is one."""
    if mode.name == "live":
        try:
            services.allow_live(visitor.scopes, confirmed=True)
        except Refused as refused:
            missing = tuple(map(_told, refused.details["missing"]))
            text = f"Real orders need {', '.join(missing)}."
            return Mode(mode.name, mode.title, mode.text, mode.scope, text, missing)
        return mode
    if settings.AUTH and mode.scope not in visitor.scopes:
        text = f"Your user lacks the permission to start a {mode.name}."
        return Mode(mode.name, mode.title, mode.text, mode.scope, text, (mode.scope,))
    return mode


def _told(missing: str) -> str:
    """A visitor has a user with permissions where the API's caller has a key with scopes."""
    return missing.replace("a key with the scope live", "a user who may change accounts")
