"""What a client may ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from exchanges.domain import InvalidInput, Symbol
from runs.channels import CHANNELS, WITH_SYMBOL

ACTIONS = ("subscribe", "unsubscribe", "ping")
_FIELDS = {
    "subscribe": ("action", "channel", "run_id", "symbol", "since", "id"),
    "unsubscribe": ("action", "channel", "run_id", "symbol", "id"),
    "ping": ("action", "id"),
}
LONGEST_ID = 64
_LARGEST_ID = 2**53
_MISSING = object()


@dataclass(frozen=True, slots=True)
class Request:
    """A checked message.  `since`: the seq after which Events are wanted; None: from now on."""

    action: str
    channel: str = ""
    run_id: str | None = None
    symbol: str | None = None
    since: int | None = None


def request_id(message: Any) -> str | int | None:
    """The client's own name for its request, given back with the answer; None where unusable."""
    found = message.get("id") if isinstance(message, dict) else None
    if isinstance(found, str):
        return found if len(found) <= LONGEST_ID else None
    if isinstance(found, int) and not isinstance(found, bool):
        return found if abs(found) <= _LARGEST_ID else None
    return None


def parse(message: Any) -> Request:
    """Raises InvalidInput; its details say what would have been valid."""
    if not isinstance(message, dict):
        raise InvalidInput(
            "INVALID_TYPE", "A message is a JSON object", valid_fields=list(_FIELDS["subscribe"])
        )
    action = _one_of(message, "action", ACTIONS)
    fields = _FIELDS[action]
    unknown = sorted(message.keys() - set(fields))
    if unknown:
        raise InvalidInput(
            "UNKNOWN_FIELD", f"{unknown[0][:40]!r} is no field of it", valid_fields=list(fields)
        )
    if message.get("id") is not None and request_id(message) is None:
        raise InvalidInput(
            "INVALID_VALUE",
            f"id must be a text of at most {LONGEST_ID} characters or an integer",
            field="id",
        )
    if action == "ping":
        return Request(action)
    channel = _one_of(message, "channel", CHANNELS)
    run_id = message.get("run_id")
    if run_id is not None and not isinstance(run_id, str):
        raise InvalidInput("INVALID_TYPE", "run_id must be a text", field="run_id")
    return Request(action, channel, run_id, _symbol(message, channel), _since(message))


def _one_of(message: dict[str, Any], field: str, valid: tuple[str, ...]) -> str:
    value = message.get(field, _MISSING)
    if value is _MISSING:
        raise InvalidInput(
            "MISSING_FIELD", f"{field} is missing", field=field, valid_values=list(valid)
        )
    if value not in valid:
        raise InvalidInput(
            "INVALID_VALUE",
            f"{field} must be one of {', '.join(valid)}",
            field=field,
            valid_values=list(valid),
        )
    return str(value)


def _symbol(message: dict[str, Any], channel: str) -> str | None:
    symbol = message.get("symbol")
    if symbol is None:
        return None
    if channel not in WITH_SYMBOL:
        raise InvalidInput(
            "INVALID_VALUE",
            f"Messages of {channel} are about a whole run; symbol is for {', '.join(WITH_SYMBOL)}",
            field="symbol",
            valid_channels=list(WITH_SYMBOL),
        )
    if not isinstance(symbol, str):
        raise InvalidInput("INVALID_TYPE", "symbol must be a text", field="symbol")
    return str(Symbol(symbol))


def _since(message: dict[str, Any]) -> int | None:
    since = message.get("since")
    if since is None:
        return None
    if not isinstance(since, int) or isinstance(since, bool):
        raise InvalidInput("INVALID_TYPE", "since must be an integer", field="since")
    if since < 0:
        raise InvalidInput("INVALID_VALUE", "since must be 0 or more", field="since", minimum=0)
    if message.get("run_id") is None:
        raise InvalidInput(
            "MISSING_FIELD", "since counts one run's events: run_id is missing", field="run_id"
        )
    return since
