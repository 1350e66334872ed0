"""A ccxt client made ready to sign in, before anything is sent."""

from __future__ import annotations

from typing import Any

import ccxt  # noqa: TID251

from exchanges.adapters import Door
from exchanges.adapters.ccxt_client import redirect, spot_only
from exchanges.adapters.ccxt_wire import Wire, silence
from exchanges.domain import InvalidInput
from exchanges.trading import Keys

ALLOWED_KEYS = ("apiKey", "secret", "password", "uid", "privateKey", "walletAddress", "token")
_BUYS_BY_AMOUNT = frozenset({"okx", "myokx", "okxus", "bybit", "bybiteu", "bybitid"})

SANDBOX_PATH = "/sandbox"
"""Where a server that an operator put in a venue's place has its sandbox."""


def signed_api(door: Door, keys: Keys, sandbox: bool) -> Any:
    """A client of the venue, or of its sandbox, that sends nothing until it gets a session.

    Raises InvalidInput: EXCHANGE_CONFIG_KEY_NOT_ALLOWED, CREDENTIALS_MISSING,
    SANDBOX_UNSUPPORTED, and INVALID_VALUE for a venue that holds no accounts.
    """
    if not door.ccxt_id:
        raise InvalidInput("INVALID_VALUE", f"{door.name} holds no accounts", exchange=door.name)
    if not set(keys.values) <= set(ALLOWED_KEYS):
        raise InvalidInput(
            "EXCHANGE_CONFIG_KEY_NOT_ALLOWED",
            "Among the credentials is a key that is none",
            allowed_keys=list(ALLOWED_KEYS),
        )
    api = getattr(ccxt, door.ccxt_id)({"session": Wire(1.0, frozenset())})
    silence(api)
    _give_keys(api, keys)
    needed = [name for name, is_needed in api.requiredCredentials.items() if is_needed]
    if any(not getattr(api, name, None) for name in needed):
        raise InvalidInput(
            "CREDENTIALS_MISSING", f"{door.name} needs more to sign in", required=needed
        )
    _configure(api)
    if sandbox:
        _enter_sandbox(api, door)
    if door.base_url:
        # A server that stands for the real venue must not take an order meant for its sandbox.
        redirect(api, door.base_url + SANDBOX_PATH if sandbox else door.base_url)
    return api


def _give_keys(api: Any, keys: Keys) -> None:
    """In a frame of its own, which no later error's traceback shows."""
    for name, value in keys.values.items():
        setattr(api, name, value)


def _configure(api: Any) -> None:
    options = api.options
    # Not needed to trade, and more requests, signed before the venue's time is known.
    api.has["fetchCurrencies"] = False
    options["fetchMargins"] = False
    # The requests' time is set from outside.
    options["adjustForTimeDifference"] = False
    options["timeDifference"] = 0
    # It would send orders again.
    options.pop("maxRetriesOnFailure", None)
    options["defaultType"] = "spot"
    options["warnOnFetchOpenOrdersWithoutSymbol"] = False
    # Some venues take a market buy's amount for the money to spend: theirs is refused.
    if "createMarketBuyOrderRequiresPrice" in options and api.id not in _BUYS_BY_AMOUNT:
        options["createMarketBuyOrderRequiresPrice"] = True
    spot_only(api)


def _enter_sandbox(api: Any, door: Door) -> None:
    """Raises SANDBOX_UNSUPPORTED: never the real venue instead."""
    there = bool(api.urls.get("test")) or api.id == "bitget"
    if there:
        try:
            api.set_sandbox_mode(True)
        except Exception:  # noqa: BLE001 - ccxt raises TypeError as well
            there = False
    if not there or not api.urls.get("api"):
        raise InvalidInput("SANDBOX_UNSUPPORTED", f"{door.name} has no sandbox", exchange=door.name)
