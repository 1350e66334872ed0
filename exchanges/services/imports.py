"""Candles brought in from files."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from exchanges import queries
from exchanges.candle_import import read_columns
from exchanges.domain import Bars, InvalidInput, Symbol, Timeframe
from exchanges.market_store import SeriesKey
from exchanges.ports import Clock
from exchanges.quality import clean_bars
from exchanges.queries import check_timeframe, store
from exchanges.ranges import subtract

from .candles import OnProgress, refresh_series
from .venues import get_exchange

_BATCH = 200_000


@dataclass(frozen=True, slots=True)
class ImportReport:
    """`accepted` rows are in the store, `changed` of them were not before.

    `gaps` are the holes within the file; `rejected` counts rows by reason.
    """

    rows: int
    accepted: int
    changed: int
    duplicates: int
    rejected: dict[str, int] = field(default_factory=dict)
    gaps: int = 0
    missing_bars: int = 0
    first_ms: int | None = None
    last_ms: int | None = None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def import_candles(
    path: Path | str,
    exchange: str,
    symbol: Symbol | str,
    timeframe: Timeframe | str,
    on_progress: OnProgress | None = None,
    *,
    clock: Clock | None = None,
) -> ImportReport:
    """Merges a file's sound, closed candles into the store.

    The file's whole span then counts as asked for: its holes are known gaps,
    except around rows that were rejected.  Raises InvalidInput:
    FILE_NOT_FOUND, UNREADABLE_FILE, NO_CANDLES, UNKNOWN_EXCHANGE,
    UNKNOWN_TIMEFRAME, INVALID_SYMBOL.
    """
    venue = get_exchange(exchange)
    if venue.builtin:
        raise InvalidInput(
            "UNKNOWN_EXCHANGE", f"{venue.name} invents its candles; import into another exchange"
        )
    key = SeriesKey(venue.name, Symbol(symbol), check_timeframe(venue, timeframe))
    path = Path(path)
    if on_progress is not None:
        on_progress(f"reading {path.name}", 0.0)
    columns = read_columns(path)
    cleaned = clean_bars(key.symbol, key.timeframe, columns)
    closed = key.timeframe.floor((clock or queries.clock()).now_ms())
    bars = cleaned.bars.between(0, closed)
    rejected = dict(cleaned.rejected)
    if len(cleaned.bars) > len(bars):
        rejected["not closed yet"] = len(cleaned.bars) - len(bars)
    if not len(bars):
        raise InvalidInput(
            "NO_CANDLES", f"{path.name} holds no sound candle of {key.timeframe}", rejected=rejected
        )
    held = store()
    changed = 0
    for low in range(0, len(bars), _BATCH):
        changed += held.write(key, bars[low : low + _BATCH])
        if on_progress is not None:
            on_progress(f"importing {path.name}", min(low + _BATCH, len(bars)) / len(bars))
    spans = _spans(bars, cleaned.rejected_times)
    for start, end in spans:
        held.mark_covered(key, start, end)
    refresh_series(venue, key, held, imported=spans)
    gaps = list(bars.gaps())
    return ImportReport(
        rows=len(columns[0]),
        accepted=len(bars),
        changed=changed,
        duplicates=cleaned.duplicates,
        rejected=rejected,
        gaps=len(gaps),
        missing_bars=sum(gap.bars for gap in gaps),
        first_ms=int(bars.time[0]),
        last_ms=int(bars.time[-1]),
    )


def _spans(bars: Bars, rejected_times: tuple[int, ...]) -> list[tuple[int, int]]:
    step = bars.timeframe.ms
    span = [(int(bars.time[0]), int(bars.time[-1]) + step)]
    known = set(bars.time.tolist()) if rejected_times else set()
    holes = [(time, time + step) for time in rejected_times if time not in known]
    return subtract(span, holes)
