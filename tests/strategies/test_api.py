from __future__ import annotations

import pytest
from django.urls import include, path
from rest_framework.routers import SimpleRouter

from strategies import probe, services
from strategies.findings import CheckReport
from strategies.views import StrategyViewSet

from .sources import GOOD, one

router = SimpleRouter(trailing_slash=False)
router.register("strategies", StrategyViewSet, basename="strategies")
urlpatterns = [path("api/v1/", include(router.urls))]

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


FILES = {
    "mine.py": GOOD,
    "bad.py": "class (",
    "peek.py": one("above = close > close.mean()", name="Peek"),
}


def get(client, url):
    return client.get(url, headers={"accept": "application/json"})


def post(client, url, body):
    return client.post(url, body, content_type="application/json")


def test_strategies_are_listed_with_their_parameters(client, synced):
    answer = get(client, "/api/v1/strategies")
    assert answer.status_code == 200
    entries = {entry["name"]: entry for entry in answer.json()["strategies"]}
    assert set(entries["MovingAverageCross"]) == {
        "name",
        "description",
        "kind",
        "origin",
        "parameters",
        "params_schema",
        "defaults",
        "version",
        "available",
        "error",
    }
    assert entries["MovingAverageCross"]["parameters"]["fast_period"]["maximum"] == 5000
    assert entries["MomentumRotation"]["kind"] == "portfolio"
    assert entries["Mine"]["origin"] == "user"
    assert entries["bad.py"]["available"] is False
    assert "SyntaxError" in entries["bad.py"]["error"]


def test_one_strategy_shows_its_source_and_versions(client, synced):
    answer = get(client, "/api/v1/strategies/Mine").json()
    assert answer["source"] == GOOD
    assert [v["version"] for v in answer["versions"]] == [answer["version"]]
    assert get(client, "/api/v1/strategies/bad.py").json()["source"] == ""


@pytest.mark.parametrize("name", ["Nope", "a%00b", "%ff", "..", "%E2%80%AE", "A" * 2000])
def test_an_unknown_strategy_is_not_found(client, synced, name):
    answer = get(client, f"/api/v1/strategies/{name}")
    assert answer.status_code == 404


def test_a_query_parameter_that_does_not_exist_is_refused(client, synced):
    answer = get(client, "/api/v1/strategies?limit=3")
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "UNKNOWN_FIELD"


def test_a_check_over_http(client, synced):
    url = "/api/v1/strategies/MovingAverageCross/check"
    answer = post(client, url, {"params": {"fast_period": 5}})
    assert answer.status_code == 200
    assert answer.json()["passed"] is True
    assert answer.json()["params"] == {"fast_period": 5, "slow_period": 30}
    assert post(client, url, {}).json()["passed"] is True


def test_a_check_over_http_finds_lookahead(client, synced):
    report = post(client, "/api/v1/strategies/Peek/check", {}).json()
    assert report["passed"] is False
    assert report["findings"][0]["kind"] == "lookahead"


def test_checks_run_apart_a_few_at_once_and_the_others_are_told_to_come_back(
    client, synced, monkeypatch
):
    url = "/api/v1/strategies/MovingAverageCross/check"
    inner = []

    def check(source, name, values, seconds):
        inner.append(post(client, url, {}))  # while this one is under way
        return CheckReport(name, values)

    monkeypatch.setattr(probe, "check", check)
    assert post(client, url, {}).status_code == 200
    refused, *others = inner
    assert [answer.status_code for answer in others] == [200] * (services.CHECKS_AT_ONCE - 1)
    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "CHECK_BUSY"
    assert int(refused["Retry-After"]) > 0
    assert post(client, url, {}).status_code == 200


def test_a_check_that_fails_gives_its_place_back(client, synced):
    url = "/api/v1/strategies/Mine/check"
    for _ in range(services.CHECKS_AT_ONCE + 1):
        assert post(client, url, {"params": {"x": 1}}).json()["error"]["code"] == "UNKNOWN_PARAM"


@pytest.mark.parametrize(
    ("name", "body", "status", "code"),
    [
        ("Nope", {}, 404, "STRATEGY_NOT_FOUND"),
        ("bad.py", {}, 400, "UNKNOWN_STRATEGY"),
        ("Mine", {"params": {"x": 1}}, 400, "UNKNOWN_PARAM"),
        ("Mine", {"parms": {}}, 400, "UNKNOWN_FIELD"),
        ("Mine", {"params": []}, 400, "INVALID_TYPE"),
        ("Mine", {"params": None}, 400, "INVALID_TYPE"),
        ("Mine", [], 400, "INVALID_TYPE"),
        ("TestStrategy", {"params": {"period": "20"}}, 400, "INVALID_TYPE"),
    ],
)
def test_a_wrong_check_is_refused(client, synced, name, body, status, code):
    answer = post(client, f"/api/v1/strategies/{name}/check", body)
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == code
