"""What requests to start and stop runs may hold: the reference's bodies, and some more."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from exchanges.domain import InvalidInput
from exchanges.services.accounts import CONFIG_KEYS
from exchanges.services.credentials import CREDENTIAL_KEYS

from .fields import (
    StrictBool,
    StrictChoice,
    StrictNumber,
    StrictObject,
    StrictText,
    SymbolList,
    UtcMoment,
    refuse_unknown,
)
from .models import Run
from .resolve import DEFAULT_CASH

MAX_CASH = 1e12
MARKET_TYPES = ("spot",)


class Body(serializers.Serializer[dict[str, Any]]):
    refuses_unknown = True

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise InvalidInput("INVALID_TYPE", "The body must be a JSON object")
        refuse_unknown(data, list(self.fields))
        return super().to_internal_value(data)


class _StartRequest(Body):
    strategy_name = StrictText(allow_blank=True, help_text="A name from GET /strategies.")
    strategy_params = StrictObject(
        default=dict, help_text="The strategy's parameters; those left out take their defaults."
    )
    symbols = SymbolList(help_text='Spot symbols, e.g. ["BTC/USDT"].')
    timeframe = StrictText(allow_blank=True, help_text='Bar length, e.g. "1h".')
    exchange = StrictText(
        allow_blank=True, help_text="A venue from GET /exchanges; `simulated` needs no network."
    )
    fee = StrictNumber(
        default=None,
        allow_null=True,
        at_least=0,
        below=1,
        help_text="Fee as a fraction of the notional; default: the venue's taker fee.",
    )
    slippage = StrictNumber(
        default=0.0, at_least=0, below=1, help_text="Fraction by which each fill is worse."
    )
    stop_loss = StrictNumber(
        default=None,
        allow_null=True,
        above=0,
        below=1,
        help_text="Fraction below the entry's fill price at which to sell.",
    )
    take_profit = StrictNumber(
        default=None,
        allow_null=True,
        above=0,
        at_most=1000,
        help_text="Fraction above the entry's fill price at which to sell.",
    )
    trailing_stop = StrictNumber(
        default=None,
        allow_null=True,
        above=0,
        below=1,
        help_text="Fraction below the highest high since entry at which to sell.",
    )
    position_size = StrictNumber(
        default=1.0,
        above=0,
        at_most=1,
        help_text="Share of the free cash an entry spends, fee included.",
    )
    max_drawdown = StrictNumber(
        default=None,
        allow_null=True,
        above=0,
        below=1,
        out_of_bounds="INVALID_LIMITS",
        help_text="Fraction below the highest equity at which everything is sold and the run ends.",
    )
    daily_loss = StrictNumber(
        default=None,
        allow_null=True,
        above=0,
        below=1,
        out_of_bounds="INVALID_LIMITS",
        help_text="Fraction lost in one UTC day at which everything is sold and the run ends.",
    )
    cash = StrictChoice(
        choices=["sleeves", "shared"],
        default="sleeves",
        help_text="Whether each symbol trades its own part of the cash or all share one pool.",
    )


class _Span(Body):
    start_date = UtcMoment(
        default=None,
        allow_null=True,
        help_text="First bar's open (ISO 8601 with zone); default: 1,000 bars before the end.",
    )
    end_date = UtcMoment(
        default=None,
        allow_null=True,
        help_text="Bars open before this (ISO 8601 with zone); default: the last closed bar.",
    )


class BacktestRequest(_StartRequest, _Span):
    initial_cash = StrictNumber(
        default=DEFAULT_CASH,
        above=0,
        at_most=MAX_CASH,
        out_of_bounds="INVALID_CASH",
        help_text="Cash at the start, in the quote currency.",
    )


class ReplayRequest(_Span):
    """Bars of the past, played as if they were closing now."""

    speed = StrictNumber(
        default=0.0,
        at_least=0,
        at_most=1e9,
        help_text="How many times faster than real time; 0: as fast as possible.",
    )


class LiveTradingRequest(_StartRequest):
    exchange_config = StrictObject(
        default=dict,
        help_text=f"Account settings: {', '.join(CONFIG_KEYS)}. Paper stores no keys.",
    )
    mode = StrictChoice(choices=["paper", "live"], help_text="Simulated fills, or real orders.")
    initial_cash = StrictNumber(
        default=DEFAULT_CASH,
        above=0,
        at_most=MAX_CASH,
        out_of_bounds="INVALID_CASH",
        help_text="Cash the run may deploy; mode live has no default for it.",
    )
    confirm_live = StrictBool(
        default=False, help_text="Mode live only: true, or no real order is placed."
    )
    replay = ReplayRequest(
        default=None,
        allow_null=True,
        help_text="Paper only: rehearse on stored or simulated bars of the past.",
    )

    def validate_exchange_config(self, value: dict[str, Any]) -> dict[str, Any]:
        for key, item in value.items():
            # Anything else would be set on the venue's client, methods included.
            if key not in CONFIG_KEYS:
                raise InvalidInput(
                    "EXCHANGE_CONFIG_KEY_NOT_ALLOWED",
                    # Not which: somebody may have put a secret there.
                    "exchange_config holds a key that it may not",
                    allowed_keys=list(CONFIG_KEYS),
                )
            if key == "sandbox" and not isinstance(item, bool):
                raise InvalidInput("INVALID_TYPE", "exchange_config.sandbox must be true or false")
            names = (*CREDENTIAL_KEYS, "credential")
            if key in names and not (isinstance(item, str) and len(item) <= 4096):
                raise InvalidInput("INVALID_TYPE", f"exchange_config.{key} must be a text")
            if key == "options":
                _check_options(item)
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["replay"] is not None and attrs["mode"] != Run.Mode.PAPER:
            raise InvalidInput("INVALID_VALUE", "Only a paper run can be a replay", valid="paper")
        if attrs["mode"] == Run.Mode.LIVE and "initial_cash" not in self.initial_data:
            # Told when it is known that the caller may trade at all.
            attrs["initial_cash"] = None
        return attrs


def _check_options(options: Any) -> None:
    if not isinstance(options, dict):
        raise InvalidInput("INVALID_TYPE", "exchange_config.options must be an object")
    for key, value in options.items():
        if key != "defaultType" or value not in MARKET_TYPES:
            raise InvalidInput(
                "EXCHANGE_CONFIG_KEY_NOT_ALLOWED",
                "exchange_config.options holds what it may not",
                allowed_options={"defaultType": list(MARKET_TYPES)},
            )


class StopRequest(Body):
    run_id = StrictText(
        default=None, allow_null=True, max_length=64, help_text="Default: the newest run."
    )
    flatten = StrictBool(
        default=False,
        help_text="Sell open positions first, at the next open; of no effect on a backtest.",
    )
