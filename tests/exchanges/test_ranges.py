from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from exchanges.ranges import intersect, subtract, union

ranges = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=8)


def points(pairs: list[tuple[int, int]]) -> set[int]:
    return {n for start, end in pairs for n in range(start, end)}


def is_tidy(pairs: list[tuple[int, int]]) -> bool:
    edges = [edge for pair in pairs for edge in pair]
    return edges == sorted(set(edges))


@given(ranges)
def test_a_union_holds_the_same_points_in_disjoint_sorted_ranges(pairs):
    assert points(union(pairs)) == points(pairs)
    assert is_tidy(union(pairs))


@given(ranges, ranges)
def test_subtracting_leaves_what_no_hole_covers(pairs, holes):
    left = subtract(pairs, holes)
    assert points(left) == points(pairs) - points(holes)
    assert is_tidy(left)


@given(ranges, ranges)
def test_an_intersection_is_what_both_hold(pairs, others):
    assert points(intersect(pairs, others)) == points(pairs) & points(others)
