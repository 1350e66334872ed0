"""Fewer points of a curve, none of its extremes lost."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def downsample(
    time: NDArray[np.int64], values: NDArray[np.float64], points: int
) -> NDArray[np.int64]:
    """Indices, increasing, of at most `points` (≥ 8) of a curve's points.

    The first, the last, the highest, the lowest, and both ends of the largest
    drawdown are always among them; the others are chosen by MinMaxLTTB
    (Van Der Donckt et al., 2023, arXiv 2305.00332).
    """
    if len(values) <= points:
        return np.arange(len(values), dtype=np.int64)
    from tsdownsample import MinMaxLTTBDownsampler

    kept = _landmarks(values)
    budget = max(points - len(kept), 3)
    chosen = MinMaxLTTBDownsampler().downsample(time, values, n_out=budget)
    return np.union1d(chosen.astype(np.int64), kept)


def _landmarks(values: NDArray[np.float64]) -> NDArray[np.int64]:
    peaks = np.maximum.accumulate(values)
    fallen = np.divide(values, peaks, out=np.ones_like(values), where=peaks > 0)
    trough = int(fallen.argmin())
    peak = int(values[: trough + 1].argmax())
    found = {0, len(values) - 1, int(values.argmax()), int(values.argmin()), peak, trough}
    return np.array(sorted(found), dtype=np.int64)
