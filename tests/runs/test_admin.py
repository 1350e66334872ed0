from __future__ import annotations

import re
import time
import uuid
from html import unescape

import pytest
from django.contrib.auth.models import Permission
from django.core.files.storage import storages
from django.test import Client
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from runs import plotly_js, recorder
from runs.admin import cells, compare, pages
from runs.models import Artifact, Heartbeat, Run
from tests import messages
from tests.runs.factory import make_run, make_version
from tests.runs.finished import finished, prepare_desk, start

LIST = "/admin/runs/run/"
EVIL = "<script>alert(1)</script>\r\nX-Evil: 1"
MANY = 10_000


@pytest.fixture
def desk(client, django_user_model, db):
    client.force_login(django_user_model.objects.create_superuser("root"))
    return client


@pytest.fixture
def whole_desk(client, django_user_model, transactional_db):
    """With strategies and venues, committed: a run's watcher sees them."""
    client.force_login(django_user_model.objects.create_superuser("root"))
    prepare_desk()
    return client


def page_of(run: Run) -> str:
    return reverse("admin:runs_run_change", args=[run.pk])


def many_runs(count: int) -> list[Run]:
    first = make_run(status=Run.Status.COMPLETED)
    statuses = list(Run.Status.values)
    filler = {"padding": "x" * 3000}
    rows = [
        Run(
            public_id=uuid.uuid4(),
            mode=Run.Mode.BACKTEST,
            status=statuses[i % len(statuses)],
            strategy_version=first.strategy_version,
            strategy_name=first.strategy_name,
            exchange=first.exchange,
            symbols=["BTC/USDT", "ETH/USDT"],
            timeframe="1h",
            initial_cash=1000.0,
            request=filler,
            config=first.config,
            seal=filler,
            outcome=filler,
            config_hash="0" * 64,
            total_return=i / 1000,
            sharpe_ratio=i % 7,
            max_drawdown=0.1,
            sparkline=[float(j) for j in range(40)],
        )
        for i in range(count - 1)
    ]
    Run.objects.bulk_create(rows, batch_size=500)
    return [first, *rows]


def test_the_list_is_a_few_queries_and_quick_with_ten_thousand_runs(
    desk, django_assert_max_num_queries
):
    runs = many_runs(MANY)
    sample = str(runs[-1].public_id)
    asks = ["", "?status__exact=failed", "?strategy=BuyAndHold&exchange=simulated", f"?q={sample}"]
    asks += ["?q=buy", "?o=-7", "?p=200", "?mode__exact=backtest"]
    asks += [f"?created_at__gte={timezone.now().date()}+00%3A00%3A00%2B00%3A00"]
    desk.get(LIST)
    for query in asks:
        with django_assert_max_num_queries(10):
            # Of this thread alone: the machine may be busy with other tests.
            began = time.thread_time()
            answer = desk.get(LIST + query)
            took = time.thread_time() - began
        assert answer.status_code == 200, query
        assert answer.context["cl"].result_count > 0, query
        # 0.15 s where it was written; a scan of all rows' JSON would take seconds.
        assert took < 1.0, f"{query}: {took:.2f} s"
    assert len(desk.get(LIST).context["cl"].result_list) == 50


def test_the_number_of_queries_does_not_grow_with_the_rows(desk):
    many_runs(3)
    few = counted(desk, LIST)
    many_runs(40)
    assert counted(desk, LIST) == few


def counted(client: Client, path: str) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        client.get(path)
    return len(queries)


def test_the_list_shows_what_a_run_came_to(desk):
    run = make_run(
        status=Run.Status.COMPLETED,
        total_return=0.1234,
        sharpe_ratio=1.5,
        max_drawdown=0.2,
        trade_count=42,
        sparkline=[1000.0, 990.0, 1100.0],
        symbols=["A/B", "C/D", "E/F", "G/H"],
    )
    text = unescape(desk.get(LIST).content.decode())
    for shown in (str(run.public_id)[:8], "completed", "+12.34 %", "1.50", "20.00 %", "42"):
        assert shown in text
    assert "A/B, C/D, E/F +1" in text
    assert 'class="ct-spark ct-up"' in text


def test_search_finds_by_the_beginning_of_an_id_and_by_strategy(desk):
    one = make_run(public_id="abcdef00-0000-4000-8000-000000000001")
    two = make_run(strategy_version=make_version("Momentum"))

    def found(term: str) -> set[int]:
        return {run.pk for run in desk.get(LIST, {"q": term}).context["cl"].result_list}

    assert found("abcdef00") == {one.pk}
    assert found("ABCDEF00-0000") == {one.pk}
    assert found("moment") == {two.pk}
    assert found("'; DROP TABLE runs_run; --") == set()
    assert found("\u202e") == set()


@pytest.mark.parametrize(
    "query",
    ["?p=99999", "?o=99.-3.x", "?status__exact=nope", "?q=%00", "?strategy=%27", "?e=1", "?id=x"],
)
def test_an_odd_query_is_no_server_error(desk, query):
    make_run()
    assert desk.get(LIST + query).status_code in (200, 302, 400)


def test_history_cannot_be_added_edited_or_deleted_not_even_by_a_superuser(desk):
    run = make_run(status=Run.Status.COMPLETED)
    assert desk.get(f"{LIST}add/").status_code == 403
    assert desk.post(f"{LIST}add/", {}).status_code == 403
    assert desk.post(f"{LIST}{run.pk}/delete/", {"post": "yes"}).status_code == 403
    body = {"action": "delete_selected", "_selected_action": [run.pk], "post": "yes"}
    desk.post(LIST, body)
    desk.post(page_of(run), {"strategy_name": "Other"})
    assert Run.objects.get(pk=run.pk).strategy_name == run.strategy_name


@pytest.mark.parametrize("model", ["event", "artifact", "heartbeat"])
def test_what_belongs_to_runs_is_read_only(desk, model):
    run = make_run()
    recorder.append(run.pk, "run.created", {"name": EVIL})
    Artifact.objects.create(run=run, name="trades", sha256="0" * 64, size=1500, rows=3)
    Heartbeat.objects.create(
        name="jobs", cluster="jobs", host="h", pid=1, workers=2, started_at=timezone.now()
    )
    base = f"/admin/runs/{model}/"
    key = {"event": run.events, "artifact": run.artifacts, "heartbeat": Heartbeat.objects}[model]
    row = key.first()
    assert desk.get(base).status_code == 200
    assert desk.get(f"{base}?q={str(run.public_id)[:8]}").status_code == 200
    page = desk.get(f"{base}{row.pk}/change/")
    assert page.status_code == 200
    assert "<script>alert" not in page.content.decode()
    assert 'name="_save"' not in page.content.decode()
    assert desk.get(f"{base}add/").status_code == 403
    assert desk.post(f"{base}{row.pk}/delete/", {"post": "yes"}).status_code == 403


def test_events_of_many_runs_take_few_queries(desk, django_assert_max_num_queries):
    for _ in range(30):
        recorder.append(make_run().pk, "run.created")
    with django_assert_max_num_queries(8):
        desk.get("/admin/runs/event/")


def test_the_queues_editing_pages_are_gone(desk):
    """django-q2's schedule form would run any function by its name, os.system too."""
    for name in ("schedule_add", "schedule_changelist", "success_changelist"):
        with pytest.raises(NoReverseMatch):
            reverse(f"admin:django_q_{name}")
    evil = {"func": "os.system", "args": "'touch /tmp/x'", "schedule_type": "O", "repeats": 1}
    assert desk.post("/admin/django_q/schedule/add/", evil).status_code == 404
    assert not Schedule.objects.exists()


def test_the_queue_can_be_looked_at_and_not_touched(desk):
    forged = OrmQ.objects.create(key="jobs", payload="forged", lock=timezone.now())
    base = "/admin/django_q/ormq/"
    assert desk.get(base).status_code == 200
    page = desk.get(f"{base}{forged.pk}/change/")
    assert page.status_code == 200
    assert "forged" not in page.content.decode()
    desk.post(f"{base}{forged.pk}/change/", {"key": "other"})
    desk.post(base, {"action": "delete_selected", "_selected_action": [forged.pk], "post": "yes"})
    assert desk.post(f"{base}{forged.pk}/delete/", {"post": "yes"}).status_code == 403
    assert OrmQ.objects.get().key == "jobs"
    assert desk.get("/admin/django_q/failure/").status_code == 200


def test_every_admin_page_of_a_real_run_answers(whole_desk):
    run = finished(symbols=["BTC/USDT", "ETH/USDT"], stop_loss=0.02)
    text = unescape(whole_desk.get(page_of(run)).content.decode())
    for shown in (run.result_hash, "Sharpe ratio", "mean(r) / std(r)", "equity.parquet"):
        assert shown in text
    assert f"manage.py verify {run.public_id}" in text
    assert "run.completed" in text
    assert text.count("<tr>") > len(run.metrics)
    equity = whole_desk.get(f"{LIST}{run.pk}/equity.json")
    assert equity["Content-Type"] == "application/json"
    assert len(equity.json()["data"][0]["x"]) > 100
    candles = whole_desk.get(f"{LIST}{run.pk}/candles.json", {"symbol": "ETH/USDT"}).json()
    assert candles["data"][0]["name"] == "ETH/USDT"
    start_ms = run.config["engine"]["start_ms"]
    zoomed = {"symbol": "ETH/USDT", "from": start_ms, "to": start_ms + 36_000_000}
    figure = whole_desk.get(f"{LIST}{run.pk}/candles.json", zoomed).json()
    assert "10 bars" in figure["layout"]["meta"]["text"]
    trades = whole_desk.get(f"{LIST}{run.pk}/trades/")
    assert trades.status_code == 200
    assert len(trades.context["trades"]) == run.trade_count
    file = whole_desk.get(f"{LIST}{run.pk}/artifacts/trades/")
    assert b"".join(file.streaming_content) == recorder.load(run.artifacts.get(name="trades"))
    assert f"{run.public_id}-trades.parquet" in file["Content-Disposition"]


@pytest.mark.parametrize(
    "path",
    [
        "candles.json?symbol=XRP/USDT",
        "candles.json?symbol=../x",
        "candles.json?from=x",
        "candles.json?from=-1",
        "candles.json?to=1e9",
        "artifacts/secrets/",
    ],
)
def test_an_odd_figure_or_file_is_not_found(desk, path):
    assert desk.get(f"{LIST}{make_run().pk}/{path}").status_code == 404


@pytest.mark.parametrize("key", ["x", "99999", "9" * 40, "\u0661", "1_2", "%00"])
def test_an_unknown_run_leads_back_to_the_index(desk, key):
    assert desk.get(f"{LIST}{key}/change/").status_code == 302


def test_missing_and_damaged_files_are_told_and_break_nothing(whole_desk, settings, tmp_path):
    artifacts = settings.STORAGES["artifacts"] | {"OPTIONS": {"location": tmp_path}}
    settings.STORAGES = settings.STORAGES | {"artifacts": artifacts}
    run = finished(strategy_params={"fast_period": 7, "slow_period": 31})
    storage = storages["artifacts"]
    with open(storage.path(run.artifacts.get(name="trades").path), "wb") as file:
        file.write(b"not parquet")
    storage.delete(run.artifacts.get(name="equity").path)
    page = whole_desk.get(page_of(run))
    assert page.status_code == 200
    assert "missing or damaged" in page.content.decode()
    for path in ("equity.json", "candles.json", "artifacts/equity/"):
        assert whole_desk.get(f"{LIST}{run.pk}/{path}").status_code == 404
    assert whole_desk.get(f"{LIST}{run.pk}/trades/").status_code == 200


def test_a_failed_run_shows_why_and_a_name_is_inert_everywhere(desk):
    run = make_run(
        status=Run.Status.FAILED,
        strategy_name=EVIL,
        error_code="STRATEGY_FAILED",
        error=EVIL,
        error_details={"reason": EVIL},
        stage=EVIL,
        outcome={"warnings": [EVIL], "gaps": []},
        symbols=[EVIL],
        request={"strategy_name": EVIL},
        metrics={"sharpe_ratio": 1.0},
        seal={EVIL: EVIL},
        sparkline=[1.0, "'/><script>", 2.0, None],
    )
    other = make_run(strategy_name=EVIL)
    recorder.append(run.pk, EVIL[:40], {"text": EVIL})
    paths = [LIST, page_of(run), f"{LIST}compare/?runs={run.pk},{other.pk}", "/admin/"]
    paths += [f"{LIST}{run.pk}/trades/", "/admin/runs/event/"]
    for path in paths:
        answer = desk.get(path)
        assert answer.status_code == 200, path
        assert "<script>alert(1)" not in answer.content.decode(), path
        assert "X-Evil" not in answer.headers
    assert "STRATEGY_FAILED" in desk.get(page_of(run)).content.decode()
    figure = desk.get(f"{LIST}compare/equity.json?runs={run.pk},{other.pk}")
    assert "<script>" not in figure.content.decode()


def test_an_active_run_shows_its_progress_and_comes_back_by_itself(desk):
    run = make_run(status=Run.Status.RUNNING, progress=0.42, stage="reading candles")
    text = desk.get(page_of(run)).content.decode()
    assert "42 %" in text
    assert "reading candles" in text
    assert 'http-equiv="refresh"' in text
    run.status = Run.Status.COMPLETED
    run.save()
    assert 'http-equiv="refresh"' not in desk.get(page_of(run)).content.decode()


def act(client: Client, action: str, *runs: Run):
    keys = [run.pk for run in runs]
    return client.post(LIST, {"action": action, "_selected_action": keys}, follow=True)


def test_stop_asks_active_runs_and_leaves_the_others(desk):
    active, done = make_run(status=Run.Status.RUNNING), make_run(status=Run.Status.COMPLETED)
    answer = act(desk, "stop", active, done)
    assert "1 asked to stop" in answer.content.decode()
    active.refresh_from_db()
    assert active.stop_requested_at is not None
    done.refresh_from_db()
    assert (done.status, done.stop_requested_at) == (Run.Status.COMPLETED, None)


def test_run_again_starts_the_same_over(whole_desk):
    run = finished(fee=0.002)
    act(whole_desk, "start_again", run)
    again = Run.objects.exclude(pk=run.pk).get()
    assert again.config == run.config
    assert again.status == Run.Status.STARTING
    assert messages.count() == 1
    answer = whole_desk.post(f"{LIST}{run.pk}/again/")
    assert answer["Location"] == page_of(Run.objects.order_by("-id")[0])
    assert Run.objects.count() == 3


def test_run_again_of_what_cannot_run_is_told(whole_desk):
    run = start()
    Run.objects.filter(pk=run.pk).update(request=run.request | {"strategy_name": "Gone"})
    answer = act(whole_desk, "start_again", run)
    assert "UNKNOWN_STRATEGY" in answer.content.decode()
    assert Run.objects.count() == 1


def test_run_again_does_not_start_a_whole_table(desk):
    runs = [make_run() for _ in range(21)]
    answer = act(desk, "start_again", *runs)
    assert "At most 20" in answer.content.decode()
    assert Run.objects.count() == 21


def test_compare_lays_runs_side_by_side_and_marks_what_differs(whole_desk):
    one, two = finished(fee=0.0), finished(fee=0.002)
    answer = act(whole_desk, "compare", one, two)
    assert answer.redirect_chain[-1][0] == f"{LIST}compare/?runs={one.pk},{two.pk}"
    assert {row.name for row in answer.context["config"] if row.differs} == {"fee"}
    text = answer.content.decode()
    assert text.count('<tr class="ct-differs">') == 1
    shares = {row.name: row.texts for row in answer.context["metrics"]}
    assert shares["Total return"] == [f"{run.total_return * 100:,.2f} %" for run in (one, two)]
    figure = whole_desk.get(f"{LIST}compare/equity.json?runs={one.pk},{two.pk}").json()
    assert len(figure["data"]) == 2


@pytest.mark.parametrize("count", [1, 9])
def test_compare_wants_two_to_eight(desk, count):
    answer = act(desk, "compare", *[make_run() for _ in range(count)])
    assert "Choose 2 to 8 runs" in answer.content.decode()


@pytest.mark.parametrize("asked", ["", "1", "x,y", "1,2,3,4,5", "98,99", "1;2", "9" * 30 + ",1"])
def test_compare_of_nothing_is_not_found(desk, asked):
    assert desk.get(f"{LIST}compare/", {"runs": asked}).status_code == 404


def test_only_who_may_change_runs_starts_and_stops_them(client, django_user_model, db):
    reader = django_user_model.objects.create_user("reader", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_run"))
    client.force_login(reader)
    run = make_run(status=Run.Status.RUNNING)
    assert client.get(page_of(run)).status_code == 200
    assert "Run again" not in client.get(page_of(run)).content.decode()
    for path in ("stop", "again"):
        assert client.post(f"{LIST}{run.pk}/{path}/").status_code == 403
    act(client, "stop", run)
    run.refresh_from_db()
    assert run.stop_requested_at is None
    assert Run.objects.count() == 1


def test_nothing_is_shown_without_the_right_to_see_it(client, django_user_model, db):
    run = make_run()
    paths = [LIST, page_of(run), f"{LIST}{run.pk}/equity.json", f"{LIST}compare/?runs=1,2"]
    assert all(client.get(path).status_code == 302 for path in paths)
    client.force_login(django_user_model.objects.create_user("nobody", is_staff=True))
    assert [client.get(path).status_code for path in paths] == [403] * len(paths)
    assert "Newest runs" not in client.get("/admin/").content.decode()


def test_a_link_cannot_stop_a_run_and_another_site_cannot_either(django_user_model, db):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(django_user_model.objects.create_superuser("root"))
    run = make_run(status=Run.Status.RUNNING)
    assert strict.get(f"{LIST}{run.pk}/stop/").status_code == 405
    assert strict.post(f"{LIST}{run.pk}/stop/").status_code == 403
    assert strict.post(LIST, {"action": "stop", "_selected_action": [run.pk]}).status_code == 403
    run.refresh_from_db()
    assert run.stop_requested_at is None


def test_plotly_comes_out_of_the_installed_package(client):
    answer = client.get(f"/admin/runs/run/plotly-{plotly_js.VERSION}.js")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/javascript")
    assert "immutable" in answer["Cache-Control"]
    assert b"plotly.js v" in answer.content[:200]


def test_the_dashboard_shows_health_and_counts(desk, settings):
    settings.UNFOLD = settings.UNFOLD | {"DASHBOARD_CALLBACK": "runs.admin.dashboard.context"}
    make_run(status=Run.Status.FAILED)
    make_run(status=Run.Status.COMPLETED, total_return=0.5, sparkline=[1.0, 2.0])
    text = unescape(desk.get("/admin/").content.decode())
    assert "Newest runs" in text
    assert "+50.00 %" in text
    assert re.search(r"status__exact=failed\">\s*1\s*<", text)
    assert "no worker of jobs has answered yet" in text


@pytest.mark.parametrize("values", [[], [1.0], [float("nan")], ["<b>"], [None, 3.0]])
def test_too_few_points_draw_no_line(values):
    assert "<" not in str(cells.sparkline(values))


def test_a_sparkline_stays_within_its_box_and_is_of_numbers_only():
    svg = str(cells.sparkline([5.0, "<script>", 1.0, 9.0, float("inf"), 5.0]))
    points = re.search(r'points="([^"]*)"', svg)
    assert points is not None
    pairs = [tuple(map(float, pair.split(","))) for pair in points[1].split()]
    assert len(pairs) == 4
    assert all(0 <= x <= 90 and 0 <= y <= 26 for x, y in pairs)
    assert pairs[1][1] == max(y for _, y in pairs)
    assert "script" not in svg


def test_limits_of_compare_and_colours_agree():
    from runs import palette

    assert len(palette.COLOURS) == len(palette.DASHES) == compare.MOST
    assert pages.TRADES_SHOWN < pages.TRADES_A_PAGE
