"""What the rest of the house asks of strategies."""

from __future__ import annotations

import math
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db.models import F

from exchanges.domain import Busy, InvalidInput
from exchanges.places import Places

from .models import Strategy, StrategyVersion
from .queries import available_names
from .sync import SyncReport, sync_strategies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exchanges.domain import Bars

    from .base import AnyStrategy, Params
    from .findings import CheckReport

__all__ = [
    "SyncReport",
    "check_on_synthetic",
    "check_stops",
    "check_strategy",
    "get_version",
    "inspect_request",
    "load_strategy",
    "preload",
    "sync_for_a_page",
    "sync_strategies",
    "validate_params",
]

CHECK_SECONDS = 5.0
"""The most one request may spend on comparisons."""

CHECKS_AT_ONCE = 2
"""Checks on made-up candles that one process has under way; each takes a core."""

SYNC_SECONDS = 60.0
"""What reading the files again may take where somebody waits for a page."""

_syncs = Places(1, "The files are being read already", retry=10)
_checks = threading.BoundedSemaphore(CHECKS_AT_ONCE)


def get_version(name: str) -> StrategyVersion:
    """The version a new run of strategy `name` executes, with its strategy.

    Raises UNKNOWN_STRATEGY with the available names.
    """
    if isinstance(name, str) and name.isidentifier() and len(name) <= 100:
        version = (
            StrategyVersion.objects.select_related("strategy")
            .filter(strategy__name=name, strategy__available=True, strategy__current_id=F("id"))
            .first()
        )
        if version:
            return version
    raise InvalidInput(
        "UNKNOWN_STRATEGY",
        f"{str(name)[:100]!r} is not an available strategy",
        available_strategies=available_names(),
    )


def sync_for_a_page() -> SyncReport:
    """`sync_strategies`, one at a time in this process and not for ever.  Raises BUSY."""
    with _syncs:
        return sync_strategies(SYNC_SECONDS)


def load_strategy(version: StrategyVersion) -> type[AnyStrategy]:
    """The class its stored source defines.  Raises STRATEGY_BROKEN."""
    from . import registry

    return registry.load(version.source, version.strategy.name)


def preload() -> None:
    """Imports what loading a strategy needs."""
    from . import params, registry  # noqa: F401


def inspect_request(version: StrategyVersion, values: Any) -> tuple[dict[str, Any], int]:
    """The parameters as JSON, every default filled in, and the warm-up in bars.

    For where requests are answered: a user's code runs in a process that can
    be ended.  Raises what `validate_params` does; STRATEGY_FAILED also when the
    code raises, takes too long or ends its process.
    """
    from . import inspection

    trusted = version.strategy.origin == Strategy.Origin.CATALOG
    ask = inspection.inspect_here if trusted else inspection.inspect
    return ask(version.source, version.strategy.name, values)


def validate_params(version: StrategyVersion, values: dict[str, Any]) -> Params:
    """In this process, as a worker does; `inspect_request` is for the web.

    Raises UNKNOWN_PARAM, INVALID_TYPE, INVALID_NUMBER, INVALID_TEXT or INVALID_PARAMS.
    """
    from . import params

    return params.validate(load_strategy(version).Params, values)


def check_stops(version: StrategyVersion, has_stops: bool) -> None:
    """Raises INVALID_STOPS for stops on a strategy that gives target weights."""
    if has_stops and version.strategy.kind == Strategy.Kind.PORTFOLIO:
        raise InvalidInput(
            "INVALID_STOPS",
            f"{version.strategy.name} gives target weights: stops do not go with them",
            valid="stop_loss, take_profit and trailing_stop left out",
        )


def check_strategy(
    version: StrategyVersion, values: dict[str, Any], series: Sequence[Bars]
) -> CheckReport:
    """Looks for lookahead, too short a warm-up and carelessness; see `strategies.bias`."""
    from . import bias, registry

    if not series or not all(len(bars) for bars in series):
        raise InvalidInput("NO_CANDLES", "a check needs candles")
    strategy, params = load_strategy(version), validate_params(version, values)
    anew = partial(registry.load_anew, version.source, version.strategy.name)
    return bias.check(strategy, params, series, load_anew=anew)


def check_on_synthetic(
    version: StrategyVersion, values: dict[str, Any], seconds: float = 60.0
) -> CheckReport:
    """The same on made-up candles, in a process of its own that can be ended.

    It computes all the time it has: in a thread of a server it would starve
    the others.  Raises CHECK_BUSY while `CHECKS_AT_ONCE` are under way.
    """
    from . import probe

    if not _checks.acquire(blocking=False):
        raise Busy(
            "CHECK_BUSY",
            f"{CHECKS_AT_ONCE} checks are under way; try again when one has ended",
            maximum=CHECKS_AT_ONCE,
            retry_after_seconds=math.ceil(seconds),
        )
    try:
        return probe.check(version.source, version.strategy.name, values, seconds)
    finally:
        _checks.release()
