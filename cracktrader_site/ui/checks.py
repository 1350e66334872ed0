"""What the last lookahead check of a strategy found, in a trader's words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from strategies import checked
from strategies.models import Strategy, StrategyVersion

AHEAD = "lookahead"
VERDICTS = {
    AHEAD: "It looks into the future",
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

    @property
    def looks_ahead(self) -> bool:
        return VERDICTS[AHEAD] in self.faults


def last(strategy: Strategy) -> Checked:
    """Of the version that a new run executes."""
    version = strategy.current
    kinds = _kinds(version) if version else None
    if kinds is None:
        return Checked(False)
    return Checked(True, tuple(VERDICTS.get(kind, kind) for kind in kinds))


def looking_ahead(versions: Iterable[int]) -> set[int]:
    """Of these versions, by their keys, those that looked into the future; in one query."""
    found = StrategyVersion.objects.filter(pk__in=set(versions), checked__isnull=False)
    return {version.pk for version in found.only("checked") if AHEAD in (_kinds(version) or ())}


def _kinds(version: StrategyVersion) -> list[str] | None:
    """Of what was found, each once; None: it was not checked."""
    report = checked.last(version)
    return report and list(dict.fromkeys(finding["kind"] for finding in report["findings"]))
