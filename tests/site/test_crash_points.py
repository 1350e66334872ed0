"""A worker, a feed or a sender that dies at a commit's very edge leaves nothing half done.

Each named place is hit once with the suite, a few times with `make test-long`, 20 times with
`make crash-test`.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from exchanges import crash
from exchanges.queries import clock
from exchanges.services import feeds
from runs import alerts, feeding, paper, recorder, services, verify, webhooks
from runs.models import Delivery, Run
from tests.rounds import rounds
from tests.runs.factory import make_run
from tests.runs.finished import prepare_desk
from tests.runs.receiver import Receiver, answer

from . import hands
from .books import differences
from .hands import Tickets

pytestmark = [
    pytest.mark.process,
    pytest.mark.slow,
    # Forked is what task workers are.
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]

# A run whose worker dies more often at one place fails.
MOST_A_RUN = 4
SPEED = 600

FEED_POINTS = crash.POINTS[12:15]
SENDER_POINTS = crash.POINTS[-3:]
RUN_POINTS = crash.POINTS[:12]
FEW_POINTS = ("prepared, not committed", "written, not committed")

each_hit = pytest.mark.parametrize("hits", rounds("CRACKTRADER_TEST_HITS", 1, 5))

REPLAY: dict[str, Any] = {
    "strategy_name": "TestStrategy",
    "strategy_params": {"period": 5, "threshold": 0.004},
    "symbols": ["BTC/USDT", "ETH/USDT"],
    "stop_loss": 0.02,
    "cash": "shared",
    "position_size": 0.5,
    "replay": {"start_date": "2024-01-03T00:00:00Z", "end_date": "2024-01-06T00:00:00Z"},
}
LIVE: dict[str, Any] = REPLAY | {
    "strategy_params": {"period": 3, "threshold": 0.0003},
    "timeframe": "1m",
    "stop_loss": 0.003,
    "replay": None,
}


@pytest.fixture
def desk(transactional_db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.SLICE_BARS = 10
    # A feed whose asker died is asked again when its claim is over.
    monkeypatch.setattr(feeds, "_CLAIM", timedelta(seconds=0.3))
    prepare_desk()


@pytest.fixture
def undisturbed(desk: None) -> dict[str, Any]:
    run = hands.start(**REPLAY)
    assert hands.finish(run.id) == 0
    found = hands.left_behind(run)
    assert found["status"] == "completed"
    assert found["trade_count"] > 5
    return found


def test_there_is_a_place_at_every_commit() -> None:
    assert RUN_POINTS[-1] == "ended"
    assert (FEED_POINTS[0], SENDER_POINTS[0]) == ("answered", "delivery claimed")


@each_hit
def test_a_replay_ends_as_if_its_workers_had_lived(
    undisturbed: dict[str, Any], tmp_path: Path, hits: int
) -> None:
    for number, point in enumerate(RUN_POINTS):
        hit = 0
        tickets = Tickets(tmp_path / str(number), point)
        while hit < hits:
            tickets.issue(min(MOST_A_RUN, hits - hit) - tickets.left())
            run = hands.start(**REPLAY)
            deaths = hands.finish(run.id, **tickets.env)
            assert deaths > 0, f"nobody came by at {point!r}"
            hit += deaths
            assert differences(hands.left_behind(run), undisturbed) == [], point
        print(f"{point}: {hit} hits")


# --- on bars that close meanwhile ---


@pytest.fixture
def rehearsal(desk: None, settings: Any) -> None:
    now = datetime.now(UTC).isoformat()
    settings.REHEARSAL_CLOCK = f"2024-03-05T09:00:00+00:00,{SPEED},{now}"


def feed_all() -> None:
    """As the feed does, feed after feed."""
    while True:
        for feed in feeding.needed_feeds():
            feeds.poll(feed, clock(), feeding.tell)
        time.sleep(hands.IDLE_SECONDS)


def stepped(run: Run) -> int:
    return run.events.filter(kind="equity").count()


def check_against_a_replay(run: Run) -> None:
    """The same bars, stored, come to the same; and so does the other engine on those it saw."""
    run.refresh_from_db()
    assert run.status == Run.Status.STOPPED, (run.error_code, run.error)
    start, end = (
        datetime.fromtimestamp(ms / 1000, UTC).isoformat()
        for ms in (run.config["engine"]["start_ms"], run.cursor_ms)
    )
    again = hands.start(**LIVE | {"replay": {"start_date": start, "end_date": end}})
    hands.finish(again.id)
    assert hands.traded(run) == hands.traded(again)
    assert run.points.count() == run.trades.count() == 0
    for name in ("result_hash", "metrics", "value", "trade_count"):
        assert getattr(Run.objects.get(id=again.id), name) == getattr(run, name)
    assert verify.verify(run).identical


@each_hit
def test_a_paper_run_ends_as_if_its_workers_had_lived(
    rehearsal: None, tmp_path: Path, hits: int
) -> None:
    with hands.beside(feed_all):
        for number, point in enumerate(RUN_POINTS if hits > 1 else FEW_POINTS):
            hit = 0
            tickets = Tickets(tmp_path / str(number), point)
            while hit < hits:
                tickets.issue(min(MOST_A_RUN, hits - hit) - tickets.left())
                run = hands.start(**LIVE)
                hit += hands.finish(run.id, some_bars, **tickets.env)
                check_against_a_replay(run)
            print(f"{point}: {hit} hits")


def some_bars(run_id: int, bars: int = 12) -> None:
    """Slices until the run has gone far enough and was stopped."""
    run = Run.objects.get(id=run_id)
    while not hands.is_over(run_id):
        if stepped(run) >= bars:
            services.request_stop(run)
        if not paper.advance(run_id):
            time.sleep(hands.IDLE_SECONDS)


def test_a_stop_that_comes_while_a_slice_commits_is_obeyed_by_the_next(
    rehearsal: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for stop in ({"flatten": False}, {"flatten": True}):
        run = hands.start(**LIVE)
        with hands.beside(feed_all):
            hands.died(hands.fork(lambda run=run: hands.work_on(run.id, lambda: stepped(run) > 1)))

        def asks(point: str, run: Run = run, stop: dict[str, bool] = stop) -> None:
            if point == "stepped":
                services.request_stop(run, **stop)

        hands.died(hands.fork(lambda run=run: hands.work_on(run.id, lambda: not is_due(run))))
        # A slice of no bar: the run was woken by mistake.
        Run.objects.filter(id=run.id).update(due_at=timezone.now())
        with monkeypatch.context() as patch:
            patch.setattr(crash, "point", asks)
            assert paper.advance(run.id)
        assert is_due(run), stop
        services.request_stop(run)
        hands.finish(run.id)


def is_due(run: Run) -> bool:
    return Run.objects.filter(id=run.id, due_at__lte=timezone.now()).exists()


@each_hit
def test_a_feed_accepts_every_bar_once_whenever_it_dies(
    rehearsal: None, tmp_path: Path, hits: int
) -> None:
    run = hands.start(**LIVE)
    with hands.beside(lambda: hands.work_on(run.id)):
        for number, point in enumerate(FEED_POINTS):
            tickets = Tickets(tmp_path / str(number), point)
            tickets.issue(hits)
            while tickets.left():
                assert hands.died(hands.fork(feed_all, **tickets.env))
            print(f"{point}: {hits} hits")
        with hands.beside(feed_all):
            bars = stepped(run)
            hands.wait_until(lambda: stepped(run) > bars + 10, "the run goes on")
            services.request_stop(run)
            hands.wait_until(lambda: hands.is_over(run.id), "the run is over")
    check_against_a_replay(run)
    for feed in run.feeds.all():
        times = list(feed.bars.order_by("time").values_list("time", flat=True))
        assert times == list(range(times[0], feed.known_until_ms, 60_000))


# --- alerts ---


def send_all() -> None:
    while due := Delivery.objects.filter(status="waiting", due_at__lte=timezone.now()).first():
        alerts.deliver(due.id)


@each_hit
def test_an_alert_whose_sender_dies_is_sent_with_the_same_id(
    desk: None, tmp_path: Path, hits: int
) -> None:
    with Receiver(answer(204)) as receiver:
        run = make_run(mode=Run.Mode.PAPER)
        webhooks.add(receiver.url)
        sent_twice = 0
        for number, point in enumerate(SENDER_POINTS):
            tickets = Tickets(tmp_path / str(number), point)
            for _ in range(hits):
                recorder.append(run.id, "limit.hit", {"reason": point})
                tickets.issue(1)
                assert hands.died(hands.fork(send_all, **tickets.env))
                # Its claim is over some time later.
                Delivery.objects.filter(status="waiting").update(due_at=timezone.now())
                assert not hands.died(hands.fork(send_all))
            sent_twice += hits * (point == "delivered, not recorded")
            print(f"{point}: {hits} hits")
        deliveries = Delivery.objects.all()
        assert {delivery.status for delivery in deliveries} == {"delivered"}
        posts = [post.id for post in receiver.posts]
        assert set(posts) == {str(delivery.message_id) for delivery in deliveries}
        assert len(posts) == len(deliveries) + sent_twice
