"""Fewer points of a curve, its extremes among them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEAST = 6
"""The points that are always kept: ends, extremes, the drawdown's two ends."""


def downsample(time: NDArray[np.int64], values: NDArray[np.float64], n: int) -> NDArray[np.intp]:
    """Indices of at most max(n, LEAST) points, increasing, that draw the same curve.

    First and last, the least and the greatest, and the peak and trough of the
    largest drawdown are always among them; the rest is chosen by MinMaxLTTB
    (Van Der Donckt et al. 2023).  `values` must hold no NaN.
    """
    if len(values) <= max(n, LEAST):
        return np.arange(len(values))
    kept = _extremes(values)
    spare = n - len(kept)
    if spare < 3:
        return kept
    from tsdownsample import MinMaxLTTBDownsampler

    sampler = MinMaxLTTBDownsampler()  # type: ignore[no-untyped-call]
    chosen = sampler.downsample(
        np.ascontiguousarray(time), np.ascontiguousarray(values), n_out=spare
    )
    return np.union1d(kept, chosen.astype(np.intp))


def _extremes(values: NDArray[np.float64]) -> NDArray[np.intp]:
    peaks = np.maximum.accumulate(values)
    fall = np.divide(peaks - values, peaks, out=np.zeros(len(values)), where=peaks > 0)
    trough = int(fall.argmax())
    peak = int(values[: trough + 1].argmax())
    ends = (0, len(values) - 1, int(values.argmin()), int(values.argmax()))
    return np.unique(np.array([*ends, peak, trough], dtype=np.intp))
