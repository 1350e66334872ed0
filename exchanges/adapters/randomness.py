"""Random numbers by place instead of by sequence.

Number n of a stream is a hash of (seed, n): any part of a stream can be had
without what comes before it, on every machine the same.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_SIZE = 1 << 16


def stream_seed(*names: str) -> np.uint64:
    digest = hashlib.sha256("|".join(("cracktrader simulated 1", *names)).encode()).digest()
    return np.uint64(int.from_bytes(digest[:8], "little"))


def lanes(seed: np.uint64, index: NDArray[np.uint64]) -> tuple[NDArray[np.uint16], ...]:
    """Four independent uniform 16-bit numbers for each index, by the mixer of SplitMix64.

    Steele, Lea, Flood: Fast splittable pseudorandom number generators (2014).
    """
    z = index * _GOLDEN
    z += seed
    z ^= z >> np.uint64(30)
    z *= _MIX_1
    z ^= z >> np.uint64(27)
    z *= _MIX_2
    z ^= z >> np.uint64(31)
    quarters = z.astype("<u8", copy=False).view("<u2").reshape(-1, 4)
    return tuple(quarters[:, lane] for lane in range(4))


def _normalised_t4() -> NDArray[np.float64]:
    """Quantiles of Student's t with 4 degrees of freedom, scaled to variance 1.

    Shaw: Sampling Student's t distribution (2006), closed form for n = 4.
    """
    p = (np.arange(_SIZE) + 0.5) / _SIZE
    root = np.sqrt(4 * p * (1 - p))
    t = np.sign(p - 0.5) * 2 * np.sqrt(np.maximum(np.cos(np.arccos(root) / 3) / root - 1, 0))
    return np.asarray(t / np.sqrt(np.mean(np.square(t))))


NORMALISED_T4 = _normalised_t4()
"""(65536,) fat-tailed, mean 0, variance 1: indexed by a lane."""

UNIT_EXPONENTIAL = -np.log1p(-(np.arange(_SIZE) + 0.5) / _SIZE)
"""(65536,) exponential with mean 1: indexed by a lane."""
