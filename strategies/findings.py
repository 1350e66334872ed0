"""What a check of a strategy found."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """`kind`: lookahead, warmup, output, mutation, randomness or error.

    `bar` counts from the first bar given; `time_ms` is its open time.
    """

    kind: str
    message: str
    symbol: str | None = None
    bar: int | None = None
    time_ms: int | None = None
    decision: str | None = None


@dataclass(slots=True)
class CheckReport:
    """`notes` say what could not be judged; they are no findings."""

    strategy: str
    params: dict[str, Any]
    bars: int = 0
    warmup: int = 0
    decisions: int = 0
    comparisons: int = 0
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not self.findings

    def to_dict(self) -> dict[str, Any]:
        return {"passed": self.passed, **asdict(self)}
