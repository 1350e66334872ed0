"""Runs side by side: what each came to and was given, and whether that can be compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from exchanges.domain import InvalidInput

from . import books, charts, descriptions, formats, payloads, queries
from . import cautions as notes
from .engine.metrics import METRICS
from .fields import iso
from .models import Run

FEWEST, MOST = 2, charts.MOST_COMPARED

_HIGHER = frozenset(
    {
        *("final_value", "total_return", "annual_return", "sharpe_ratio", "sortino_ratio"),
        *("calmar_ratio", "omega_ratio", "recovery_factor", "value_at_risk", "tail_ratio"),
        *("win_rate", "profit_factor", "payoff_ratio", "expectancy", "sqn", "best_trade"),
        *("worst_trade", "average_trade", "average_win", "average_loss"),
    }
)
_LOWER = frozenset(
    {
        *("max_drawdown", "max_drawdown_duration", "ulcer_index", "volatility"),
        "longest_losing_streak",
    }
)


# Which is better cannot be told of runs with other cash, and of runs over other times.
_OF_CASH = frozenset({"final_value", "expectancy"})
_OF_TIME = frozenset(
    {
        *("final_value", "total_return", "annual_return", "calmar_ratio", "recovery_factor"),
        *("max_drawdown", "max_drawdown_duration", "ulcer_index", "longest_losing_streak"),
    }
)

_PARAM = "strategy_params."
_NAMED = 12
"""Characters of a hash that tell two apart."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: a text per run, whether they differ, and which of them are best.

    None is best where the metric is no merit, or all runs have the same.
    """

    name: str
    texts: list[str]
    differs: bool
    hint: str = ""
    best: list[bool] = field(default_factory=list)

    @property
    def is_param(self) -> bool:
        return self.name.startswith(_PARAM)

    @property
    def label(self) -> str:
        """A setting's name in words, a param's as its strategy has it."""
        if self.is_param:
            return self.name.removeprefix(_PARAM)
        return descriptions.setting_name(self.name)

    @property
    def cells(self) -> list[tuple[str, bool]]:
        return list(zip(self.texts, self.best or [False] * len(self.texts), strict=True))


def find(texts: Sequence[str], owner: str = "") -> list[Run]:
    """Runs by their public ids, each once, in the order they are named.

    Raises INVALID_VALUE unless FEWEST to MOST are named, and RUN_NOT_FOUND for
    one that `owner` may not know of.
    """
    named = list(dict.fromkeys(text.strip() for text in texts if text.strip()))
    runs = []
    if len(named) <= MOST:
        found = [queries.get_run(text, owner) for text in named]
        runs = list({run.pk: run for run in found}.values())
    if len(runs) < FEWEST:
        count = len(runs) or len(named)
        raise InvalidInput(
            "INVALID_VALUE",
            f"Choose {FEWEST} to {MOST} runs to compare: "
            f"{count} {'is' if count == 1 else 'are'} named",
        )
    return runs


def metric_rows(runs: Sequence[Run]) -> list[Row]:
    """Of a run that goes on: as it stands."""
    measured = [books.metrics(run) for run in runs]
    unfair = _unfair(runs)
    quotes = [formats.quote(run.symbols[0]) for run in runs]
    rows = []
    for name, metric in METRICS.items():
        values = [found.get(name) for found in measured]
        texts = [
            formats.by_kind(metric.kind, value, quote)
            for value, quote in zip(values, quotes, strict=True)
        ]
        best = [False] * len(runs) if name in unfair else _best(name, values)
        rows.append(Row(metric.label, texts, _differ(values), metric.formula, best))
    return rows


def _unfair(runs: Sequence[Run]) -> frozenset[str]:
    """Metrics in which none of these runs is better: they were not given the same."""
    configs = [payloads.public_config(run) for run in runs]
    spans = [(config["start_date"], config["end_date"]) for config in configs]
    found = _OF_CASH if _differ([config["initial_cash"] for config in configs]) else frozenset()
    return found | _OF_TIME if _differ(spans) else found


def config_rows(runs: Sequence[Run]) -> list[Row]:
    configs = [_flat_config(run) for run in runs]
    names = list(dict.fromkeys(name for config in configs for name in config))
    rows = []
    for name in names:
        values = [config.get(name) for config in configs]
        texts = [_shown(name, value) for value in values]
        rows.append(Row(name, texts, _differ(values)))
    return rows


def cautions(runs: Sequence[Run]) -> list[str]:
    """What makes the figures of these runs hard to compare, in words."""
    configs = [payloads.public_config(run) for run in runs]
    found = [text for differs, text in _CAUTIONS if _differ([differs(c) for c in configs])]
    if any(run.is_active for run in runs):
        found.append("Some of them go on: their figures are of what they have done so far.")
    for run in runs:
        found += [f"{str(run.public_id)[:8]}: {text}" for text in notes.of(run)]
    brief = [text for run in runs if (text := descriptions.brevity(run))]
    if brief:
        found.append(
            f"Figures a year are made of little: {len(brief)} of them "
            f"{'covers' if len(brief) == 1 else 'cover'} less than {descriptions.BRIEF_DAYS} days."
        )
    unmeasured = [run for run in runs if not run.result_hash and not run.is_active]
    if unmeasured:
        names = ", ".join(str(run.public_id)[:8] for run in unmeasured)
        found.append(f"Without a result: {names}.")
    return found


def twins(runs: Sequence[Run]) -> list[list[Run]]:
    """Those that came to the very same result, bit for bit."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        if run.result_hash:
            groups.setdefault(run.result_hash, []).append(run)
    return [group for group in groups.values() if len(group) > 1]


def period(run: Run) -> tuple[str, str]:
    """From its first bar until where it ended, or stands."""
    from . import series

    start_ms, end_ms = series.span(run)
    return iso(start_ms), iso(end_ms)


_Config = dict[str, Any]
_CAUTIONS: list[tuple[Callable[[_Config], Any], str]] = [
    (lambda c: (c["start_date"], c["end_date"]), "They cover different dates."),
    (lambda c: sorted(c["symbols"]), "They trade different markets."),
    (lambda c: c["timeframe"], "Their bars differ in length: risk per bar is not the same risk."),
    (lambda c: c["exchange"], "They trade on different venues, which quote different prices."),
    (lambda c: (c["fee"], c["slippage"]), "They pay different costs."),
    (lambda c: c["initial_cash"], "They begin with different cash: compare ratios, not money."),
]


def _flat_config(run: Run) -> dict[str, Any]:
    config = payloads.public_config(run)
    params = config.pop("strategy_params")
    return config | {f"{_PARAM}{name}": value for name, value in params.items()}


def _shown(name: str, value: Any) -> str:
    if value is not None and name == "source_hash":
        return str(value)[:_NAMED]
    return descriptions.setting(name, value)


def _differ(values: Sequence[Any]) -> bool:
    return any(value != values[0] for value in values[1:])


def _best(name: str, values: Sequence[float | int | None]) -> list[bool]:
    known = [value for value in values if value is not None]
    if name not in _HIGHER | _LOWER or len(known) < 2 or not _differ(known):
        return [False] * len(values)
    best = max(known) if name in _HIGHER else min(known)
    return [value == best for value in values]
