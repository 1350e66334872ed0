"""What the last lookahead check of a strategy found, in a trader's words."""

from __future__ import annotations

from dataclasses import dataclass

from strategies import checked
from strategies.models import Strategy

VERDICTS = {
    "lookahead": "It looks into the future",
    "warmup": "Its warm-up is too short",
    "output": "What it returns cannot be used",
    "mutation": "It changes the bars it is given",
    "randomness": "It decides otherwise on the same bars",
    "error": "It fails",
}
"""What a finding's kind means."""


@dataclass(frozen=True, slots=True)
class Checked:
    """`faults`: the verdicts of the current version, each once; `is_known`: it was checked."""

    is_known: bool
    faults: tuple[str, ...] = ()


def last(strategy: Strategy) -> Checked:
    """Of the version that a new run executes."""
    version = strategy.current
    report = checked.last(version) if version else None
    if report is None:
        return Checked(False)
    kinds = dict.fromkeys(finding["kind"] for finding in report["findings"])
    return Checked(True, tuple(VERDICTS.get(kind, kind) for kind in kinds))
