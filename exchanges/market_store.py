"""Candles on disk: one directory a series, one Arrow file a month.

    <root>/<exchange>/<BASE-QUOTE>/<timeframe>/2024-01.arrow
                                               ledger.json
                                               write.lock, download.lock

The ledger holds the ranges the venue was asked for, so that a hole in the
venue's own data is known as a gap and not asked for again.  Files are replaced
whole and never changed, data before ledger, each flushed: whatever moment a
process dies at, readers find the old state or the new one, and the ledger
never claims what is not there.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from . import candle_files as files
from . import quality
from .domain import Bars, Gap, InvalidInput, Symbol, Timeframe
from .domain.bars import PRICE_COLUMNS
from .locks import FileLock
from .ranges import Range, intersect, subtract, union

log = logging.getLogger(__name__)

_EXCHANGE = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}", re.ASCII)
_LEDGER = "ledger.json"
_WRITE_LOCK = "write.lock"
_DAMAGED = ".damaged"
_EVER = (-(2**63), 2**63 - 1)


@dataclass(frozen=True, slots=True)
class SeriesKey:
    """Which candles: the exchange's name in this installation, symbol and timeframe."""

    exchange: str
    symbol: Symbol
    timeframe: Timeframe

    def __post_init__(self) -> None:
        if not _EXCHANGE.fullmatch(self.exchange):
            raise InvalidInput("UNKNOWN_EXCHANGE", f"{self.exchange!r:.80} is not an exchange name")

    @property
    def path(self) -> Path:
        """Safe on every file system, also where case does not count."""
        symbol = Symbol(self.symbol)
        folder = f"{symbol.base}-{symbol.quote}"
        if folder != folder.upper():
            folder += "~" + hashlib.sha256(symbol.encode()).hexdigest()[:8]
        return Path(self.exchange, folder, Timeframe.parse(self.timeframe.name).name)

    def __str__(self) -> str:
        return f"{self.exchange} {self.symbol} {self.timeframe}"


Stamp = tuple[tuple[int, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class SeriesInfo:
    """`gaps`: stretches within `covered`, between the first and last bar, without bars."""

    key: SeriesKey
    rows: int
    first_ms: int | None
    last_ms: int | None
    covered: list[Range]
    gaps: list[Gap]


class MarketStore:
    """Candles of all series under one directory; any number of processes may share it.

    Readers take no lock.  All ranges are half-open ranges of open times, UTC ms.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    # --- bars ---

    def read(self, key: SeriesKey, start_ms: int, end_ms: int) -> Bars:
        """Stored bars that open in [start, end), read-only, mapped from disk."""
        parts = list(self._parts(key, start_ms, end_ms))
        return Bars.concat(parts) if parts else Bars.empty(key.symbol, key.timeframe)

    def times(self, key: SeriesKey, start_ms: int, end_ms: int) -> NDArray[np.int64]:
        """Open times of the bars that `read` would give."""
        times = [part.time for part in self._parts(key, start_ms, end_ms)]
        return np.concatenate(times) if times else np.empty(0, dtype=np.int64)

    def stamp(self, key: SeriesKey, start_ms: int, end_ms: int) -> Stamp:
        """Of the files that `read` would read: equal stamps, equal bars.

        A file is only ever replaced, so its inode, size and time tell.
        """
        found = []
        folder = self.root / key.path
        for month in self._months(key):
            opens, closes = files.month_range(month)
            if opens < end_ms and start_ms < closes:
                stat = (folder / files.file_name(month)).stat()
                found.append((month, stat.st_ino, stat.st_size, stat.st_mtime_ns))
        return tuple(found)

    def write(self, key: SeriesKey, bars: Bars, covering: Range | None = None) -> int:
        """Merges bars in; for an open time already held the new bar wins.

        `covering` is then added to the ledger, under the same lock.  Returns
        how many bars were new or changed.  Raises ValueError for bars of
        another series or that `quality` refuses.
        """
        if (bars.symbol, bars.timeframe) != (key.symbol, key.timeframe):
            raise ValueError(f"{bars.symbol} {bars.timeframe} does not belong to {key}")
        if reason := quality.fault(bars):
            raise ValueError(f"{key}: {reason}")
        with self._writing(key) as folder:
            changed = 0
            months = files.months_of(bars.time)
            for month in np.unique(months):
                low, high = np.searchsorted(months, (month, month + 1))
                changed += self._merge(key, int(month), bars[int(low) : int(high)])
            if changed:
                files.flush_directory(folder)
            if covering is not None:
                self._claim(key, *covering)
        return changed

    # --- coverage ---

    def covered(self, key: SeriesKey) -> list[Range]:
        """Ranges the venue was asked for; without a bar in them there is none to have."""
        covered, months = self._ledger(key)
        lost = set(months) - set(self._months(key))
        return subtract(covered, [files.month_range(month) for month in lost])

    def mark_covered(self, key: SeriesKey, start_ms: int, end_ms: int) -> None:
        """To be called only once the bars of that range are written."""
        with self._writing(key):
            self._claim(key, start_ms, end_ms)

    def missing(self, key: SeriesKey, start_ms: int, end_ms: int) -> list[Range]:
        """What of [start, end) still has to be asked for."""
        grid = key.timeframe
        return subtract([(grid.ceil(start_ms), grid.ceil(end_ms))], self.covered(key))

    # --- series ---

    def keys(self) -> list[SeriesKey]:
        found = []
        for path in sorted(self.root.glob(f"*/*/*/{_LEDGER}")):
            try:
                exchange, symbol, timeframe = json.loads(path.read_bytes())["series"]
                key = SeriesKey(exchange, Symbol(symbol), Timeframe.parse(timeframe))
            except (ValueError, KeyError, TypeError, OSError, InvalidInput):
                continue
            if self.root / key.path == path.parent:
                found.append(key)
        return found

    def info(self, key: SeriesKey) -> SeriesInfo:
        times, covered = self.times(key, *_EVER), self.covered(key)
        first, last = (int(times[0]), int(times[-1])) if len(times) else (None, None)
        return SeriesInfo(key, len(times), first, last, covered, self._gaps(key, times, covered))

    def damaged(self, key: SeriesKey) -> list[str]:
        """Months set aside as unreadable and not fetched again since, such as `2024-03`."""
        with suppress(FileNotFoundError):
            names = set(os.listdir(self.root / key.path))
            aside = [Path(name).stem for name in names if name.endswith(_DAMAGED)]
            return sorted(month for month in aside if month + files.SUFFIX not in names)
        return []

    def drop(self, key: SeriesKey) -> None:
        """Forgets a series: ledger first, so that nothing is claimed meanwhile."""
        with self._writing(key) as folder:
            (folder / _LEDGER).unlink(missing_ok=True)
            for month in self._months(key):
                (folder / files.file_name(month)).unlink(missing_ok=True)

    def downloading(self, key: SeriesKey, on_wait: Callable[[], None] | None = None) -> FileLock:
        """Held by whoever fills this series, so that no range is fetched twice."""
        folder = self.root / key.path
        folder.mkdir(parents=True, exist_ok=True)
        return FileLock(folder / "download.lock", on_wait)

    # --- inside ---

    @contextmanager
    def _writing(self, key: SeriesKey) -> Iterator[Path]:
        folder = self.root / key.path
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / _WRITE_LOCK):
            # Whoever wrote these died: the lock is ours.
            for leftover in folder.glob(f".*{files.TEMPORARY}"):
                leftover.unlink(missing_ok=True)
            if not (folder / _LEDGER).exists():
                self._write_ledger(key, [], [])
            yield folder

    def _months(self, key: SeriesKey) -> list[int]:
        try:
            names = os.listdir(self.root / key.path)
        except FileNotFoundError:
            return []
        found = []
        for name in names:
            # Other programs leave files here too, such as a Mac's `._2024-01.arrow`.
            with suppress(ValueError):
                found.append(files.month_number(name))
        return sorted(found)

    def _parts(self, key: SeriesKey, start_ms: int, end_ms: int) -> Iterator[Bars]:
        for month in self._months(key):
            opens, closes = files.month_range(month)
            if opens < end_ms and start_ms < closes:
                part = self._load(key, month)
                if part is not None and not (start_ms <= opens and closes <= end_ms):
                    part = part.between(start_ms, end_ms)
                if part is not None and len(part):
                    yield part

    @staticmethod
    def _gaps(key: SeriesKey, times: NDArray[np.int64], within: Iterable[Range]) -> list[Gap]:
        step = key.timeframe.ms
        holes = np.flatnonzero(np.diff(times) > step)
        raw = [(int(times[i]) + step, int(times[i + 1])) for i in holes]
        return [Gap(s, e, (e - s) // step) for s, e in intersect(raw, within)]

    def _load(self, key: SeriesKey, month: int) -> Bars | None:
        path = self.root / key.path / files.file_name(month)
        try:
            return files.read(path, key.symbol, key.timeframe)
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            with FileLock(path.parent / _WRITE_LOCK):
                return self._load_or_set_aside(key, path)

    def _load_or_set_aside(self, key: SeriesKey, path: Path) -> Bars | None:
        """A file nobody can read is moved away: its month is then missing, not wrong."""
        try:
            return files.read(path, key.symbol, key.timeframe)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            log.error("%s: %s is damaged and set aside: %s", key, path.name, error)
            path.replace(path.with_suffix(_DAMAGED))
            return None

    def _merge(self, key: SeriesKey, month: int, new: Bars) -> int:
        path = self.root / key.path / files.file_name(month)
        held = self._load_or_set_aside(key, path)
        if held is None or not len(held):
            merged, changed = new, len(new)
        elif new.time[0] > held.time[-1]:
            merged, changed = Bars.concat([held, new]), len(new)
        else:
            at = np.minimum(np.searchsorted(held.time, new.time), len(held) - 1)
            same = held.time[at] == new.time
            for name in PRICE_COLUMNS:
                same &= getattr(held, name)[at] == getattr(new, name)
            changed = int((~same).sum())
            if not changed:
                return 0
            keep = ~np.isin(held.time, new.time)
            order = np.argsort(np.concatenate([held.time[keep], new.time]), kind="stable")
            columns = (
                np.concatenate([getattr(held, name)[keep], getattr(new, name)])[order]
                for name in files.COLUMNS
            )
            merged = Bars(key.symbol, key.timeframe, *columns)
        files.write(path, merged)
        return changed

    def _ledger(self, key: SeriesKey) -> tuple[list[Range], list[int]]:
        """Ranges asked for, and the months that had a file when that was written."""
        try:
            raw = json.loads((self.root / key.path / _LEDGER).read_bytes())
            covered = [(int(start), int(end)) for start, end in raw["covered"]]
            return covered, [files.month_number(name) for name in raw["months"]]
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
            return [], []

    def _claim(self, key: SeriesKey, start_ms: int, end_ms: int) -> None:
        grid = key.timeframe
        covered = union([*self.covered(key), (grid.ceil(start_ms), grid.ceil(end_ms))])
        months = self._months(key)
        if (covered, months) != self._ledger(key):
            self._write_ledger(key, covered, months)

    def _write_ledger(self, key: SeriesKey, covered: list[Range], months: list[int]) -> None:
        path = self.root / key.path / _LEDGER
        series = [key.exchange, key.symbol, key.timeframe.name]
        names = [files.file_name(month) for month in months]
        text = json.dumps({"series": series, "covered": covered, "months": names})
        files.write_text(path, text)
        files.flush_directory(path.parent)
