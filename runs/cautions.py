"""What a reader of a run's figures must know before believing in them, in sentences."""

from __future__ import annotations

from strategies import checked
from strategies.models import StrategyVersion

from . import formats
from .models import Run

_LIMITS = {"max_drawdown": "largest drawdown", "daily_loss": "largest daily loss"}


def of(run: Run) -> list[str]:
    """Of a run without a caution: none."""
    return [text for text in (_looks_ahead(run), _ended_by_limit(run)) if text]


def _looks_ahead(run: Run) -> str:
    """By the last check of the source that it executed."""
    executed = {"strategy__name": run.strategy_name, "source_hash": run.config.get("source_hash")}
    version = StrategyVersion.objects.filter(**executed).only("checked").first()
    report = checked.last(version) if version else None
    findings = report["findings"] if report else []
    if not any(finding["kind"] == "lookahead" for finding in findings):
        return ""
    return (
        "Its strategy looks into the future, by its lookahead check: these figures say nothing "
        "of what it would earn."
    )


def _ended_by_limit(run: Run) -> str:
    """A run that a loss limit ended holds nothing from there on, and its curve is flat."""
    ending = run.outcome.get("ending") or {}
    name = _LIMITS.get(ending.get("reason", ""))
    if name is None:
        return ""
    allowed = run.config["engine"].get(ending["reason"])
    when = formats.moment(ending["timestamp"])
    return (
        f"Its {name} of {formats.percent(allowed)} was broken at the bar of {when} UTC: "
        "everything was sold, and it traded no more."
    )
