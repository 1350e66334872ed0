"""Running a finished run again and comparing it with its record, bit for bit.

A paper run is run again as a backtest on the bars it saw: both engines must
have come to the same.  A live run's fills are a venue's, which nothing earns
again: its figures are made anew from its stored tables.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from exchanges.domain import CracktraderError, InvalidInput

from . import books, recorder, runner
from .engine.config import RunConfig
from .models import Artifact, Run
from .results import Results

# Figures on the run's own row.
FIGURES = (
    "cash",
    "value",
    "trade_count",
    "total_return",
    "sharpe_ratio",
    "max_drawdown",
    "sparkline",
)
_LONGEST_VALUE = 120


class Cause(StrEnum):
    """What a difference is about."""

    RECORD = "record"
    """The stored row or file is not what its own hash says."""
    SOURCE = "source"
    CANDLES = "candles"
    VERSIONS = "versions"
    """Of packages, interpreter or engine: a reason, not a difference in what came out."""
    RESULT = "result"


@dataclass(frozen=True, slots=True)
class Difference:
    cause: Cause
    name: str
    recorded: Any
    found: Any

    def __str__(self) -> str:
        recorded, found = _brief(self.recorded), _brief(self.found)
        return f"{self.cause} {self.name}: recorded {recorded}, found {found}"


def _brief(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


@dataclass(frozen=True, slots=True)
class Report:
    """`identical`: every result, table, candle and source is what it was, bit for bit.

    So is what lists and pages show of the run beside its tables; how long it
    took is not compared.
    """

    run_id: str
    result_hash: str
    recomputed_hash: str
    differences: list[Difference] = field(default_factory=list)

    @property
    def identical(self) -> bool:
        return all(d.cause == Cause.VERSIONS for d in self.differences)

    def of(self, cause: Cause) -> list[Difference]:
        return [d for d in self.differences if d.cause == cause]

    @property
    def verdict(self) -> str:
        """One line."""
        if self.identical:
            note = ", with other versions" if self.differences else ""
            return f"identical{note}: {self.result_hash}"
        words = {
            Cause.RECORD: "the record was changed",
            Cause.SOURCE: "the strategy's source changed",
            Cause.CANDLES: "the candles changed",
            Cause.VERSIONS: "versions changed",
            Cause.RESULT: "the result changed",
        }
        return "not identical: " + ", ".join(words[c] for c in Cause if self.of(c))

    def to_dict(self) -> dict[str, Any]:
        return {
            "run_id": self.run_id,
            "identical": self.identical,
            "verdict": self.verdict,
            "result_hash": self.result_hash,
            "recomputed_hash": self.recomputed_hash,
            "differences": [asdict(d) for d in self.differences],
        }


def verify(run: Run, on_progress: runner.Progress | None = None) -> Report:
    """Computes `run` again from its stored source and sealed config; writes nothing to it.

    Raises RUN_NOT_COMPLETED for a run without a result, and whatever computing
    it again raises (a venue that cannot be reached, a source that no longer loads).
    """
    refuse_unfinished(run)
    damaged = list(_record(run))
    if run.is_live:
        recomputed, changed = _anew(run)
        return Report(str(run.public_id), run.result_hash, recomputed, [*damaged, *changed])
    outcome = runner.compute(run, on_progress or _silent)
    differences = [*damaged, *_seal(run.seal, outcome.seal), *_result(run, outcome)]
    return Report(str(run.public_id), run.result_hash, outcome.result_hash, differences)


def refuse_unfinished(run: Run) -> None:
    """Raises RUN_NOT_COMPLETED for a run without a result."""
    if not run.result_hash:
        raise InvalidInput(
            "RUN_NOT_COMPLETED",
            f"Only a run with a result can be verified; this one is {run.status}",
            status=run.status,
        )


def _anew(run: Run) -> tuple[str, list[Difference]]:
    """The hash of the books as they are stored, and what in them differs from the record."""
    from .engine import metrics, seal

    try:
        stored = books.read(run)
    except (OSError, ValueError, CracktraderError):
        # Said of the files already.
        return "", [Difference(Cause.RESULT, "result_hash", run.result_hash, "")]
    measured = metrics.metrics(stored.config, stored.simulation)
    digest = seal.result_digest(stored.simulation, measured)
    hashes = {str(bars.symbol): bars.content_hash() for bars in stored.series}
    changed = list(_differing("metric {}", run.metrics, measured))
    if digest != run.result_hash:
        changed.insert(0, Difference(Cause.RESULT, "result_hash", run.result_hash, digest))
    sealed = run.seal.get("candle_hashes")
    if hashes != sealed:
        changed.append(Difference(Cause.CANDLES, "candle_hashes", sealed, hashes))
    return digest, changed


def _silent(stage: str, fraction: float) -> None:
    """Nobody is watching."""


def _record(run: Run) -> Iterator[Difference]:
    """What is stored, against the hashes stored with it."""
    config = RunConfig.from_dict(run.config["engine"]).digest()
    if config != run.config_hash:
        yield Difference(Cause.RECORD, "config", run.config_hash, config)
    source = hashlib.sha256(run.strategy_version.source.encode()).hexdigest()
    if source != run.config["source_hash"]:
        yield Difference(Cause.SOURCE, "stored source", run.config["source_hash"], source)
    engine = run.config["engine"]
    for name, shown, sealed in (
        ("symbols", run.symbols, engine["symbols"]),
        ("timeframe", run.timeframe, engine["timeframe"]),
        ("initial_cash", run.initial_cash, engine["initial_cash"]),
        ("exchange", run.exchange.name, run.config.get("exchange")),
        ("strategy_name", run.strategy_name, run.config.get("strategy_name")),
    ):
        if shown != sealed:
            yield Difference(Cause.RECORD, name, shown, sealed)
    for artifact in Results(run).artifacts().values():
        content = _content(artifact)
        if content != artifact.sha256:
            yield Difference(Cause.RECORD, f"{artifact.name} file", artifact.sha256, content)


def _content(artifact: Artifact) -> str | None:
    try:
        return hashlib.sha256(recorder.load(artifact)).hexdigest()
    except FileNotFoundError:
        return None


def _seal(recorded: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[Difference]:
    before, after = dict(_leaves(recorded)), dict(_leaves(found))
    differ = [p for p in sorted(before.keys() | after.keys()) if before.get(p) != after.get(p)]
    if len(differ) > 1:
        # The seal's digest follows from the rest; when it differs alone it was edited.
        differ = [path for path in differ if path != ("digest",)]
    for path in differ:
        yield Difference(_cause(path), "/".join(path), before.get(path), after.get(path))


def _cause(path: tuple[str, ...]) -> Cause:
    causes = {
        "candle_hashes": Cause.CANDLES,
        "source_hash": Cause.SOURCE,
        "versions": Cause.VERSIONS,
    }
    return causes.get(path[0], Cause.RECORD)


def _leaves(tree: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(tree, Mapping):
        for key, item in tree.items():
            yield from _leaves(item, (*path, str(key)))
    else:
        yield path, tree


def _result(run: Run, outcome: runner.Outcome) -> Iterator[Difference]:
    if run.result_hash != outcome.result_hash:
        yield Difference(Cause.RESULT, "result_hash", run.result_hash, outcome.result_hash)
    artifacts = Results(run).artifacts()
    stored = {name: (a.sha256, a.size, a.rows) for name, a in artifacts.items()}
    tables = {
        name: (hashlib.sha256(content).hexdigest(), len(content), rows)
        for name, (content, rows) in outcome.tables.items()
    }
    found = outcome.fields
    figures = {name: found[name] for name in FIGURES}
    yield from _differing("{} table", stored, tables)
    yield from _differing("metric {}", run.metrics, found["metrics"])
    yield from _differing("{}", {name: getattr(run, name) for name in FIGURES}, figures)
    yield from _differing("{}", _timeless(run.outcome), _timeless(found["outcome"]))


def _differing(
    label: str, recorded: Mapping[str, Any], found: Mapping[str, Any]
) -> Iterator[Difference]:
    for name in sorted(recorded.keys() | found.keys()):
        before, after = recorded.get(name), found.get(name)
        if before != after:
            yield Difference(Cause.RESULT, label.format(name), before, after)


def _timeless(outcome: Mapping[str, Any]) -> dict[str, Any]:
    """Without what the clock on the wall had a part in."""
    return {name: value for name, value in outcome.items() if name not in ("timings", "late")}
