"""Sets of half-open ranges of time: sorted, disjoint lists of (start, end)."""

from __future__ import annotations

from collections.abc import Iterable

Range = tuple[int, int]


def union(ranges: Iterable[Range]) -> list[Range]:
    """Sorts, drops empty ranges, and joins those that touch or overlap."""
    joined: list[Range] = []
    for start, end in sorted(r for r in ranges if r[0] < r[1]):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def subtract(ranges: Iterable[Range], holes: Iterable[Range]) -> list[Range]:
    """What of `ranges` is in none of `holes`."""
    left: list[Range] = []
    cut = union(holes)
    for start, end in union(ranges):
        for hole_start, hole_end in cut:
            if hole_end <= start:
                continue
            if hole_start >= end:
                break
            if hole_start > start:
                left.append((start, hole_start))
            start = hole_end
            if start >= end:
                break
        if start < end:
            left.append((start, end))
    return left


def intersect(ranges: Iterable[Range], within: Iterable[Range]) -> list[Range]:
    """What of `ranges` is in one of `within`."""
    windows = union(within)
    return [
        (max(start, low), min(end, high))
        for start, end in union(ranges)
        for low, high in windows
        if max(start, low) < min(end, high)
    ]
