"""The desk's first page: what goes on, what ended last, health."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone

from cracktrader_site.ui import board
from exchanges import queries as market_data
from exchanges.models import Account, Credential, Feed
from runs import overview, punctuality
from runs.models import EquityPoint, Heartbeat, Run
from tests.runs.factory import make_run
from tests.ui.crowd import HOUR, cost, crowd, stepping

EVIL = "<script>alert(1)</script>"
DAY = 24 * HOUR

pytestmark = pytest.mark.django_db


def text_of(client, path="/ui/"):
    answer = client.get(path)
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def queries_of(client, path, measured):
    with measured as found:
        text_of(client, path)
    return len(found)


def test_an_empty_desk_starts_the_first_backtest_by_one_button(client):
    text = text_of(client)
    form = re.search(r'<form method="post" action="/ui/first">.*?</form>', text, re.DOTALL)
    assert form
    assert "csrfmiddlewaretoken" in form[0]
    assert "Run your first backtest" in form[0]
    assert "Recent runs" not in text
    make_run(status=Run.Status.COMPLETED)
    assert "Run your first backtest" not in text_of(client)


def test_who_may_not_start_runs_is_not_offered_to(client, django_user_model, settings):
    settings.AUTH = True
    reader = django_user_model.objects.create_user("reader", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_run"))
    client.force_login(reader)
    assert "/ui/first" not in text_of(client)
    run = stepping()
    text = text_of(client)
    assert str(run.public_id) in text
    assert f"/ui/runs/{run.public_id}/stop" not in text


def test_an_active_paper_run_shows_where_it_stands(client):
    run = stepping()
    text = text_of(client, "/ui/active")
    card = text[text.index("<article") : text.index("</article>")]
    assert f"/ui/runs/{run.public_id}" in card
    for shown in ("1,100.00", "USDT", "+100.00", "+10.00 %", "paper", "running", "BTC/USDT · 1h"):
        assert shown in card, shown
    assert "worth 400.00" in card
    assert "<polyline" in card
    assert "Stepped until (UTC)" in card
    assert "next closes" in card
    # It has no end, so nothing is done a part of the way.
    assert "<progress" not in card


def test_today_is_what_was_won_since_midnight_and_a_replay_has_none(client):
    run = stepping(bars=100)
    midnight = market_data.clock().now_ms() // DAY * DAY
    last = EquityPoint.objects.filter(run=run, time__lt=midnight).order_by("-time").first()
    assert last is not None
    (standing,) = overview.active("", 10)
    assert standing.today == pytest.approx(1100.0 - last.equity)
    assert overview.earned("") == [("paper", standing.today, "USDT")]
    replay = run.config | {"replay": {"speed": 60}}
    Run.objects.filter(pk=run.pk).update(config=replay)
    (standing,) = overview.active("", 10)
    assert standing.today is None
    assert overview.earned("") == []
    assert standing.due is None
    assert standing.measured


def test_a_run_that_began_today_has_won_all_of_it_today(client):
    run = stepping(bars=1)
    EquityPoint.objects.filter(run=run).delete()
    (standing,) = overview.active("", 10)
    assert standing.today == pytest.approx(100.0)


def test_a_curve_is_thinned_to_as_many_points_as_are_drawn_and_ends_where_the_run_is():
    short, long = stepping(bars=5), stepping(bars=1000)
    drawn = overview.curves(list(Run.objects.order_by("id")))
    assert drawn[short.pk] == [1000.0, 1000.0, 1001.0, 1002.0, 1003.0, 1004.0, 1100.0]
    assert len(drawn[long.pk]) <= overview.CURVE_POINTS + 2
    assert drawn[long.pk][-1] == 1100.0
    steps = {b - a for a, b in zip(drawn[long.pk][1:-2], drawn[long.pk][2:-1], strict=True)}
    assert len(steps) == 1


def test_today_counts_what_has_ended_since_midnight_and_nothing_older(client):
    going, ended, old = stepping(bars=100), stepping(bars=1), stepping(bars=1)
    EquityPoint.objects.filter(run__in=[ended, old]).delete()
    (before,) = overview.earned("")
    now = timezone.now()
    Run.objects.filter(pk=ended.pk).update(status=Run.Status.STOPPED, finished_at=now)
    assert overview.earned("") == [before], "ending a run wins and loses nothing"
    assert before.amount == pytest.approx(200.0 + _today_of(going))
    yesterday = now.replace(hour=0, minute=0) - timedelta(hours=1)
    Run.objects.filter(pk=old.pk).update(status=Run.Status.STOPPED, finished_at=yesterday)
    (left,) = overview.earned("")
    assert left.amount == pytest.approx(100.0 + _today_of(going))
    make_run(status=Run.Status.COMPLETED, value=5000.0, finished_at=now)
    assert overview.earned("") == [left], "a backtest earns nothing today"
    assert f"{left.amount:+,.2f}" in text_of(client)


def _today_of(run):
    (standing,) = [found for found in overview.active("", 10) if found.run.pk == run.pk]
    return standing.today


def test_what_was_earned_today_takes_two_queries_for_any_number_of_runs(
    django_assert_num_queries,
):
    for _ in range(5):
        stepping(bars=2)
    with django_assert_num_queries(2):
        overview.earned("")


def test_play_money_at_a_venue_is_never_added_to_real_money_and_is_named(client):
    real = stepping(mode=Run.Mode.LIVE, bars=3)
    venue = real.exchange
    sealed = Credential.objects.create(exchange=venue, sandbox=True, fingerprint="f", sealed=b"-")
    account = Account.objects.create(
        exchange=venue, sandbox=True, fingerprint="f", credential=sealed
    )
    play = stepping(mode=Run.Mode.LIVE, account=account)
    assert [standing.run.pk for standing in overview.active("", 10)] == [real.pk, play.pk]
    earned = {total.mode: total for total in overview.earned("")}
    assert set(earned) == {"live", "live sandbox"}
    text = text_of(client)
    for shown in ("1 live · 1 live sandbox", "Live, today", "Live sandbox, today"):
        assert shown in text, shown
    badge = '<span class="mode sandbox">live sandbox</span>'
    assert text.count(badge) == 1
    assert text_of(client, "/ui/runs").count(badge) == 1
    head = text_of(client, f"/ui/runs/{play.public_id}")
    assert "live sandbox on" in head
    assert "sandbox" not in text_of(client, f"/ui/runs/{real.public_id}")


class FixedClock:
    def __init__(self, now):
        self.now = now

    def now_ms(self):
        return self.now


def test_a_bar_that_is_not_due_yet_is_not_late(client, monkeypatch):
    run = stepping()
    clock = FixedClock(run.cursor_ms + 46 * 60_000)
    monkeypatch.setattr(punctuality, "clock", lambda: clock)
    text = text_of(client, "/ui/active")
    closes = datetime.fromtimestamp((run.cursor_ms + HOUR) / 1000, UTC)
    assert f"next closes {closes:%H:%M}" in text
    assert " late</small>" not in text
    clock.now = run.cursor_ms + HOUR + 50_000
    assert " late</small>" not in text_of(client, "/ui/active")
    clock.now = run.cursor_ms + HOUR + 46 * 60_000
    assert "46 min late</small>" in text_of(client, "/ui/active")
    assert "46 min late</small>" in text_of(client, f"/ui/runs/{run.public_id}")


def test_a_market_without_bars_is_told_with_the_run_and_needs_somebody(client):
    stepping()
    Feed.objects.update(stale_since=timezone.now())
    text = text_of(client)
    assert "no new bar of BTC/USDT" in text
    assert "Markets without new bars: 1" in text


def test_a_backtest_shows_how_far_it_is(client):
    make_run(status=Run.Status.RUNNING, progress=0.42, stage="reading candles")
    text = text_of(client, "/ui/active")
    assert "42 % · reading candles" in text
    assert 'value="0.4200"' in text
    # Its progress is no event: it is asked for.
    assert "every 2s" in text


def test_stop_is_a_confirmed_post_with_a_token(client):
    run = stepping()
    text = text_of(client, "/ui/active")
    form = re.search(r'<form class="end".*?</form>', text, re.DOTALL)
    assert form
    assert f'action="/ui/runs/{run.public_id}/stop"' in form[0]
    assert "csrfmiddlewaretoken" in form[0]
    assert "data-confirm=" in form[0]
    assert client.post(f"/ui/runs/{run.public_id}/stop").status_code == 302
    run.refresh_from_db()
    assert run.status == Run.Status.STOPPING
    assert 'class="end"' not in text_of(client, "/ui/active")


def test_live_runs_come_first_then_paper_and_real_money_is_told_apart(client):
    live = stepping(mode=Run.Mode.LIVE)
    paper = stepping()
    backtest = make_run(status=Run.Status.RUNNING)
    found = [standing.run.pk for standing in overview.active("", 10)]
    assert found == [live.pk, paper.pk, backtest.pk]
    text = text_of(client)
    assert "1 live · 1 paper · 1 backtest" in text
    assert "Live, today" in text
    assert "Paper, today" in text


def test_more_active_runs_than_are_shown_are_counted(client):
    for _ in range(board.MOST_ACTIVE + 3):
        make_run(status=Run.Status.RUNNING)
    text = text_of(client)
    assert text.count("<article") == board.MOST_ACTIVE
    assert "and 3 more" in text
    assert "/ui/runs?status=active" in text


def test_names_are_shown_and_never_run(client):
    stepping(strategy_name=EVIL)
    make_run(strategy_name=EVIL, status=Run.Status.FAILED, error_code="X", error=EVIL)
    make_run(strategy_name=EVIL, status=Run.Status.RUNNING, stage=EVIL)
    text = text_of(client)
    assert EVIL not in text
    assert text.count("&lt;script&gt;alert(1)") > 3


def test_health_is_a_word_in_the_header_and_a_list_below(client, monkeypatch):
    # On PostgreSQL a ticker of those clusters' machine would be missed.
    monkeypatch.setattr("runs.health.machines.several", lambda: False)
    assert ">error</span>" in text_of(client, "/ui/health")
    now = timezone.now()
    for cluster in ("jobs", "live"):
        Heartbeat.objects.create(
            name=cluster, cluster=cluster, host="h", pid=1, workers=1, started_at=now, seen_at=now
        )
    part = text_of(client, "/ui/health")
    assert ">ok</span>" in part
    assert "/ui/#health" in part
    text = text_of(client)
    assert 'id="health"' in text
    assert "Candle store" in text


def test_the_moving_part_is_told_of_every_run_and_carries_no_script(client):
    stepping()
    text = text_of(client, "/ui/active")
    assert 'data-live="*"' in text
    assert 'hx-get="/ui/active"' in text
    assert "moved, every 10s" in text
    assert not re.search(r"<script|\son\w+=|style=", text)


def test_what_was_started_today_is_counted_up_to_a_bound(client, monkeypatch):
    crowd(4, created_at=datetime(2020, 1, 1, tzinfo=UTC))
    make_run(status=Run.Status.FAILED, finished_at=timezone.now())
    assert overview.today("") == (2, 1, False)
    assert "1 failed" in text_of(client)
    monkeypatch.setattr(overview, "COUNTED", 1)
    assert overview.today("") == (1, 0, True)
    assert "1+" in text_of(client)


def test_a_visitor_sees_the_runs_he_may_see_only():
    stepping(owner="ann")
    stepping(owner="bob")
    assert [standing.run.owner for standing in overview.active("ann", 10)] == ["ann"]
    assert overview.modes("bob") == {"paper": 1}
    assert overview.today("nobody") == (0, 0, False)


@pytest.fixture
def count_queries():
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    return lambda: CaptureQueriesContext(connection)


def test_the_page_costs_as_many_queries_with_thirty_active_runs_as_with_one(client, count_queries):
    text_of(client)
    stepping()
    make_run(status=Run.Status.COMPLETED)
    one = queries_of(client, "/ui/", count_queries())
    for _ in range(29):
        stepping()
    crowd(50)
    assert queries_of(client, "/ui/", count_queries()) == one
    print(f"home: {one} queries")
    assert one < 25


def test_home_with_ten_thousand_runs_takes_below_a_fifth_of_a_second(client, count_queries):
    for _ in range(30):
        stepping()
    crowd(10)
    few = cost(lambda: text_of(client))
    crowd(10_000)
    many = cost(lambda: text_of(client))
    queries = queries_of(client, "/ui/", count_queries())
    print(
        f"30 active runs: {few * 1e3:.0f} ms, 10,010 beside: {many * 1e3:.0f} ms, {queries} queries"
    )
    assert queries < 25
    # Or little more than with few, where the machine is a slow one.
    assert many < max(0.2, 2 * few)
