"""Indicators computed once for many runs over the same bars.

`with memory.recalled():` the functions of `indicators` look here before they
compute over one of the memory's columns.  Nothing else changes: what they return is
the same to the last bit, and the caller's own to write into.

A result belongs to the memory that holds its column, and a column is known by the place
of its values: as long as the memory holds it, nothing else can be there.  What a
strategy computed itself lies elsewhere, so it is never taken for a column.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Compute = Callable[[Floats], Floats]

BUDGET = 64 * 2**20
"""Bytes that all memories of a process may keep; what was not asked for longest goes first."""

_ITEM = np.dtype(np.float64).itemsize

_results: OrderedDict[tuple[int, Hashable], Floats] = OrderedDict()
_lock = threading.Lock()
_held = 0
_numbers = count()


class Memory:
    """Of the results over these columns: (n,) float64, read-only."""

    def __init__(self, columns: Iterable[Floats]) -> None:
        # Never used again, unlike an id: what a dead memory left behind is nobody's.
        self._number = next(_numbers)
        self._columns = sorted((c for c in columns if len(c)), key=_address)
        self._starts = [_address(column) for column in self._columns]

    @contextmanager
    def recalled(self) -> Iterator[None]:
        """Within it, and in this thread, indicators use this memory."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)

    def place(self, values: Floats) -> tuple[int, int] | None:
        """Which column `values` are a slice of, and from where on; None if of none."""
        if type(values) is not np.ndarray or values.dtype != np.float64 or values.ndim != 1:
            return None
        if values.flags.writeable or not values.flags.c_contiguous or not len(values):
            return None
        address = _address(values)
        number = bisect_right(self._starts, address) - 1
        if number < 0:
            return None
        offset, odd = divmod(address - self._starts[number], _ITEM)
        if odd or offset + len(values) > len(self._columns[number]):
            return None
        return number, offset

    def column(self, number: int) -> Floats:
        return self._columns[number]

    def result(self, key: Hashable, compute: Callable[[], Floats]) -> Floats:
        """What `compute` gave for `key`, now or before; not to be written into."""
        global _held
        own = self._number, key
        with _lock:
            if own in _results:
                _results.move_to_end(own)
                return _results[own]
        result = compute()
        with _lock:
            _held += result.nbytes - (_results.pop(own).nbytes if own in _results else 0)
            _results[own] = result
            while _held > BUDGET:
                _held -= _results.popitem(last=False)[1].nbytes
        return result


_current: ContextVar[Memory | None] = ContextVar("indicator_memory", default=None)


def windows(values: Floats, name: str, period: int, compute: Compute) -> Floats:
    """`compute(values)`, of which each value is a function of the `period` values up to it alone.

    Therefore computed over the whole column, once for all its slices.
    """
    memory = _current.get()
    # Only the very type: a float that equals an int is an error, remembered or not.
    if memory is None or type(period) is not int or period < 1:
        return compute(values)
    place = memory.place(values)
    if place is None:
        return compute(values)
    number, offset = place
    whole = memory.result((name, period, number), lambda: compute(memory.column(number)))
    result = np.empty(len(values))
    result[: period - 1] = np.nan
    result[period - 1 :] = whole[offset + period - 1 : offset + len(values)]
    return result


def whole(values: Floats, name: str, period: int, compute: Compute) -> Floats:
    """`compute(values)`, of `period` and nothing else besides: for just these values."""
    memory = _current.get()
    if memory is None or type(period) is not int:
        return compute(values)
    place = memory.place(values)
    if place is None:
        return compute(values)
    key = name, period, *place, len(values)
    return memory.result(key, lambda: compute(values)).copy()


def _address(values: Floats) -> int:
    address: int = values.__array_interface__["data"][0]
    return address
