"""Runs a user's strategy file in a process of its own.

Such a file may loop for ever, end the interpreter or overflow its stack; here
that costs one child, `strategies.child`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from exchanges.domain import InvalidInput

from . import children
from .children import Lost

if TYPE_CHECKING:
    from .findings import CheckReport
    from .registry import Description

TIMEOUT = 30.0
_START_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Probed:
    """What a file holds.  With an `error`, nothing in it can be used."""

    strategies: tuple[Description, ...] = ()
    error: str = ""


def probe(source: str, timeout: float = TIMEOUT) -> Probed:
    """What `source` defines.  Never raises for what it does while it loads."""
    from .registry import Description

    try:
        answer = _ask({"do": "read", "source": source}, timeout)
    except Lost as error:
        return Probed(error=str(error))
    return Probed(tuple(Description(**d) for d in answer["strategies"]), answer["error"])


def read(source: str) -> Probed:
    """The same in this process, for files that are trusted to load."""
    from . import registry

    try:
        classes = registry.strategies_in(source)
        if not classes:
            return Probed(error="it defines no strategy: subclass strategies.base.Strategy")
        return Probed(tuple(registry.describe(cls) for cls in classes.values()))
    except InvalidInput as error:
        return Probed(error=error.message)


def check(source: str, name: str, values: dict[str, Any], seconds: float) -> CheckReport:
    """`strategies.bias.check` on synthetic bars.  Raises STRATEGY_BROKEN when it never ends."""
    from .findings import CheckReport, Finding

    request = {"do": "check", "source": source, "name": name, "params": values}
    try:
        answer = _ask(request | {"seconds": seconds}, seconds + _START_SECONDS)
    except Lost as error:
        raise InvalidInput("STRATEGY_BROKEN", str(error)) from None
    findings = [Finding(**f) for f in answer.pop("findings")]
    return CheckReport(**answer, findings=findings)


def check_here(source: str, name: str, values: dict[str, Any], seconds: float) -> CheckReport:
    """The same in this process."""
    from . import bias, params, registry, synthetic

    strategy = registry.load(source, name)
    wanted = params.validate(strategy.Params, values)
    series = synthetic.series_for(strategy, wanted)
    anew = partial(registry.load_anew, source, name)
    return bias.check(strategy, wanted, series, seconds=seconds, load_anew=anew)


def inspect(
    source: str, name: str, values: dict[str, Any], timeout: float
) -> tuple[dict[str, Any], int]:
    """`strategies.inspection.inspect_here` in the child.  Raises `Lost` when it never ends."""
    answer = _ask({"do": "inspect", "source": source, "name": name, "params": values}, timeout)
    return answer["params"], answer["warmup"]


def _ask(request: dict[str, Any], timeout: float) -> dict[str, Any]:
    asked = json.dumps(request).encode()
    answer: dict[str, Any] = children.ask("strategies.child", asked, timeout, json.loads)
    if "refused" in answer:
        code, message, details = answer["refused"]
        raise InvalidInput(code, message, **details)
    return answer
