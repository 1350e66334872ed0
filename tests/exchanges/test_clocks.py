"""Clocks that are set, that run fast, and that somebody else reads."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges import queries
from exchanges.adapters.venue_clock import Reading, VenueClock
from exchanges.clock import JumpWatch, ScaledClock, SystemClock, format_clock, parse_clock
from exchanges.domain import VenueError
from tests.exchanges.tools import HOUR_MS, NOW, FixedClock


@dataclass
class Bench:
    """True time, what our wall clock shows of it, and how the venue answers."""

    seconds: float = 1000.0
    slept: float = 0.0
    desk: FixedClock = field(default_factory=lambda: FixedClock(NOW))
    lies: list[int] = field(default_factory=list)
    asked: int = 0

    def __post_init__(self) -> None:
        self.clock = VenueClock(self.answer, self.desk, lambda: self.seconds)

    @property
    def true_ms(self) -> int:
        return NOW + round((self.seconds + self.slept - 1000.0) * 1000 * self.desk.speed)

    def answer(self, on_wait: object) -> Reading:
        self.asked += 1
        lie = self.lies.pop(0) if self.lies else 0
        if lie is None:
            raise VenueError("VENUE_UNREACHABLE", "no")
        return Reading(self.true_ms + lie, self.seconds)

    def passes(self, seconds: float) -> None:
        self.seconds += seconds
        self.desk.ms += round(seconds * 1000 * self.desk.speed)


def test_the_venue_is_asked_twice_a_minute_and_no_more():
    bench = Bench()
    for _ in range(600):
        assert bench.true_ms - 1 <= bench.clock.now_ms() <= bench.true_ms
        bench.passes(0.1)
    assert bench.asked == 2


@pytest.mark.parametrize("jump", [5 * HOUR_MS, -30_000, -5 * HOUR_MS])
def test_setting_our_clock_does_not_move_the_venues(jump):
    bench = Bench()
    bench.clock.now_ms()
    bench.desk.ms += jump
    assert bench.clock.now_ms() == bench.true_ms
    bench.passes(3)
    assert bench.clock.now_ms() == bench.true_ms


def test_after_a_sleep_the_venue_is_asked_at_once():
    bench = Bench()
    bench.clock.now_ms()
    bench.slept += 3600
    bench.desk.ms += HOUR_MS
    assert bench.clock.now_ms() == bench.true_ms


def test_a_doubtful_time_is_asked_for_again_until_it_is_told():
    bench = Bench()
    bench.clock.now_ms()
    bench.clock.doubt()
    bench.lies = [None, None]
    for _ in range(2):
        with pytest.raises(VenueError):
            bench.clock.now_ms()
    assert bench.clock.now_ms() == bench.true_ms
    assert bench.asked == 4


@pytest.mark.parametrize("first", [True, False])
def test_one_answer_hours_ahead_is_not_believed(first):
    bench = Bench()
    if not first:
        bench.clock.now_ms()
        bench.passes(31)
    bench.lies = [5 * HOUR_MS]
    assert bench.clock.now_ms() == bench.true_ms
    bench.passes(31)
    bench.lies = [0]
    assert bench.clock.now_ms() == bench.true_ms


@given(
    steps=st.lists(
        st.tuples(st.floats(0, 100), st.integers(-(10**8), 10**8), st.sampled_from([0, 0, -500])),
        max_size=20,
    ),
    speed=st.sampled_from([1.0, 6.0]),
)
def test_it_is_never_ahead_of_the_venue_whatever_happens_to_ours(steps, speed):
    bench = Bench(desk=FixedClock(NOW, speed))
    for seconds, jump, lie in steps:
        bench.passes(seconds)
        bench.desk.ms += jump
        bench.lies = [lie]
        assert bench.true_ms - 501 <= bench.clock.now_ms() <= bench.true_ms + 1


def test_a_rehearsals_clock_runs_faster_and_is_the_same_for_all_who_know_its_name():
    clock = parse_clock("2024-01-01T00:00:00Z,6,2026-01-01T00:00:00+00:00")
    assert isinstance(clock, ScaledClock)
    wall = SystemClock().now_ms()
    assert clock.now_ms() == pytest.approx(clock.origin_ms + 6 * (wall - 1_767_225_600_000), abs=99)
    assert clock.origin_ms == 1_704_067_200_000
    assert parse_clock(format_clock(clock)) == clock
    assert parse_clock("") == SystemClock()
    assert format_clock(SystemClock()) == ""


def test_a_rehearsal_that_names_no_start_begins_now():
    clock = parse_clock("2024-01-01,10")
    assert clock.now_ms() - 1_704_067_200_000 < 60_000
    assert parse_clock(format_clock(clock)) == clock


@pytest.mark.parametrize("text", ["2024-01-01", "x,1", "2024-01-01,0", "2024-01-01,nan", "a,b,c,d"])
def test_what_is_no_clock_is_refused(text):
    with pytest.raises(ValueError):
        parse_clock(text)


def test_everybody_goes_by_the_rehearsals_clock(settings):
    assert queries.clock() == SystemClock()
    settings.REHEARSAL_CLOCK = "2024-01-01T00:00:00+00:00,6,2026-01-01T00:00:00+00:00"
    assert queries.clock().speed == 6


def test_a_jump_is_told_once_and_slow_drift_never():
    desk, seconds = FixedClock(NOW), [0.0]
    watch = JumpWatch(desk, lambda: seconds[0])
    for _ in range(100):
        seconds[0] += 1.0
        desk.ms += 1_001
        assert not watch.jumped()
    desk.ms -= 2_000
    assert watch.jumped()
    assert not watch.jumped()
