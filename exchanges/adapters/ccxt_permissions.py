"""What an API key may do, where the venue tells."""

from __future__ import annotations

from typing import Any

from exchanges.adapters.ccxt_client import BadData
from exchanges.adapters.ccxt_signed import SignedClient
from exchanges.trading import Permissions


def permissions(client: SignedClient, sandbox: bool) -> Permissions:
    """Nothing is known in sandboxes, nor of venues that are not listed here."""
    reader = _READERS.get(client.api.id)
    if reader is None or sandbox:
        return Permissions()

    def ask() -> Permissions:
        told = reader(client.api)
        if not isinstance(client.said, dict):
            raise BadData("not the key's permissions")
        return told

    return client.ask(ask)


def _binance(api: Any) -> Permissions:
    told = api.sapiGetAccountApiRestrictions()
    return Permissions(
        trade=_flag(told, "enableSpotAndMarginTrading"), withdraw=_flag(told, "enableWithdrawals")
    )


def _bybit(api: Any) -> Permissions:
    told = api.privateGetV5UserQueryApi()["result"]
    granted = told["permissions"]
    spot = "SpotTrade" in granted.get("Spot", ())
    return Permissions(
        trade=spot and told.get("readOnly") in (0, "0"),
        withdraw="Withdraw" in granted.get("Wallet", ()),
    )


def _okx(api: Any) -> Permissions:
    granted = api.privateGetAccountConfig()["data"][0]["perm"].split(",")
    return Permissions(trade="trade" in granted, withdraw="withdraw" in granted)


def _flag(told: Any, name: str) -> bool | None:
    value = told.get(name) if isinstance(told, dict) else None
    return value if isinstance(value, bool) else None


_READERS = {"binance": _binance, "bybit": _bybit, "okx": _okx}
