"""Candles from a CSV file, for checks that need no candle store."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from exchanges.domain import Bars, InvalidInput, Symbol, Timeframe
from exchanges.domain.bars import PRICE_COLUMNS


def read_csv(path: Path, symbol: str) -> Bars:
    """Columns timestamp (open time, UTC ms), open, high, low, close, volume.

    The timeframe is the shortest step between two rows.  Raises
    INVALID_CANDLES with what is wrong.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        time = np.array([int(row["timestamp"]) for row in rows], dtype=np.int64)
        columns = [np.array([float(row[name]) for row in rows]) for name in PRICE_COLUMNS]
        if len(time) < 2 or not all(np.isfinite(column).all() for column in columns):
            raise ValueError("at least two rows of finite numbers are needed")
        shortest = int(np.diff(time).min())
        timeframe = next((t for t in Timeframe.all() if t.ms == shortest), None)
        if timeframe is None:
            raise ValueError(f"a step of {shortest} ms between rows is no timeframe")
        return Bars(Symbol(symbol), timeframe, time, *columns)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInput(
            "INVALID_CANDLES",
            f"{path.name}: {type(error).__name__}: {error}"[:300],
            expected_columns=["timestamp", *PRICE_COLUMNS],
        ) from error
