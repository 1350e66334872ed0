"""What ccxt says of its venues, without a network."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from exchanges.domain import Timeframe
from exchanges.ports import Venue


def ccxt_version() -> str:
    """Read from the package's metadata: importing ccxt takes half a second."""
    return version("ccxt")


@lru_cache(maxsize=1)
def describe_all() -> dict[str, Venue]:
    """Every venue ccxt knows, by its id."""
    import ccxt  # noqa: TID251

    websockets = _websocket_ids()
    return {name: _describe(getattr(ccxt, name)(), name in websockets) for name in ccxt.exchanges}


def _websocket_ids() -> frozenset[str]:
    spec = find_spec("ccxt")
    folders = spec.submodule_search_locations if spec is not None else None
    return frozenset(
        path.stem for folder in folders or [] for path in Path(folder, "pro").glob("[a-z]*.py")
    )


def _describe(client: Any, websocket: bool) -> Venue:
    offered = client.timeframes if client.has.get("fetchOHLCV") is True else None
    taker, maker = _spot_fees(client.fees)
    return Venue(
        name=client.id,
        title=client.name or client.id,
        timeframes=tuple(t.name for t in Timeframe.all() if t.name in (offered or {})),
        taker=taker,
        maker=maker,
        # The key "test" is always there, mostly empty; bitget switches by header.
        sandbox=bool(client.urls.get("test")) or client.id == "bitget",
        websocket=websocket,
        credentials=tuple(name for name, needed in client.requiredCredentials.items() if needed),
    )


def _spot_fees(fees: dict[str, Any]) -> tuple[float | None, float | None]:
    trading = fees.get("trading") or {}
    spot = fees.get("spot") or {}
    return _first(spot, trading, "taker"), _first(spot, trading, "maker")


def _first(spot: dict[str, Any], trading: dict[str, Any], side: str) -> float | None:
    for fees in (spot.get("trading") or {}, spot, trading):
        value = fees.get(side)
        if isinstance(value, (int, float)):
            return float(value)
    return None
