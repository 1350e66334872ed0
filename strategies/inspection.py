"""What a request for a strategy comes to: parameters with every default, and the warm-up.

Both are the strategy's own code (its module, its validators, its `warmup`),
which for some values may never end.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from typing import Any

from exchanges.domain import InvalidInput
from exchanges.places import Places

from . import params as parameters
from . import probe, registry
from .base import AnyStrategy, Params
from .children import Lost

SECONDS = 5.0
"""What a user's code may take, the start of its process included."""
AT_ONCE = 4
"""Processes with users' code that a server has under way: some of its threads stay free."""
REMEMBERED = 256

_answers: OrderedDict[tuple[str, str, str], tuple[str, int]] = OrderedDict()
_lock = threading.Lock()
_places = Places(
    AT_ONCE,
    "The code of other strategies is being asked",
    patience=SECONDS,
    code="CHECK_BUSY",
)


def inspect_here(source: str, name: str, values: Any) -> tuple[dict[str, Any], int]:
    """(parameters as JSON, warm-up in bars), for strategies that are trusted to end.

    Raises what `params.validate` does, STRATEGY_BROKEN and STRATEGY_FAILED.
    """
    strategy = registry.load(source, name)
    wanted = parameters.validate(strategy.Params, values)
    try:
        dumped = wanted.model_dump(mode="json")
        json.dumps(dumped, allow_nan=False)
    except Exception as error:
        raise _failed(f"the parameters of {name} are no JSON: {error}"[:500]) from error
    return dumped, warmup(strategy, wanted)


def inspect(source: str, name: str, values: Any) -> tuple[dict[str, Any], int]:
    """The same from a process that is ended after `SECONDS`; answers are remembered.

    Raises CHECK_BUSY where `AT_ONCE` others are asked and none of them ends.
    """
    parameters.refuse_hostile(values)
    # Not sorted: the order within a parameter may mean something to the strategy.
    key = registry.source_hash(source), name, json.dumps(values)
    with _lock:
        if key in _answers:
            _answers.move_to_end(key)
            known, bars = _answers[key]
            return json.loads(known), bars
    try:
        with _places:
            dumped, bars = probe.inspect(source, name, values, SECONDS)
    except Lost as error:
        raise _failed(f"{name} gives no parameters and warm-up for these values: {error}") from None
    with _lock:
        _answers[key] = json.dumps(dumped), bars
        while len(_answers) > REMEMBERED:
            _answers.popitem(last=False)
    return dumped, bars


def warmup(strategy: type[AnyStrategy], wanted: Params) -> int:
    """Bars wanted before the first decision.  Raises STRATEGY_FAILED."""
    name = strategy.__name__
    try:
        bars = strategy().warmup(wanted)
    except Exception as error:
        raise _failed(f"warmup() of {name} raised {type(error).__name__}: {error}"[:500]) from error
    if isinstance(bars, bool) or not isinstance(bars, int) or bars < 0:
        raise InvalidInput(
            "STRATEGY_FAILED",
            f"warmup() of {name} returned {bars!r:.40}",
            expected="an integer, 0 or more",
        )
    return bars


def _failed(message: str) -> InvalidInput:
    return InvalidInput("STRATEGY_FAILED", message)
