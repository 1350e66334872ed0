"""User code that a request needs runs apart from the process that answers requests."""

from __future__ import annotations

import time

import pytest

from exchanges.domain import Busy, InvalidInput
from exchanges.places import Places
from strategies import inspection, probe, registry, services
from strategies.models import Strategy, StrategyVersion

from .sources import one

PERIOD = "class NoParams(Params):\n    period: int = Field(20, ge=2)\n    ratio: float = 0.5\n"


def version(source: str, origin: str = "user", kind: str = "strategy") -> StrategyVersion:
    strategy = Strategy(name="Mine", origin=origin, kind=kind)
    return StrategyVersion(strategy=strategy, source=source)


def mine(warmup: str = "params.period", fields: str = "", head: str = "") -> str:
    source = one("above = close > 1", warmup=warmup, head=head)
    return source.replace("class NoParams(Params):\n    pass", PERIOD + fields)


@pytest.fixture(autouse=True)
def forgetful(monkeypatch):
    monkeypatch.setattr(inspection, "_answers", type(inspection._answers)())


@pytest.fixture
def children(monkeypatch):
    """The requests that were put to a child."""
    asked = []
    ask = probe._ask

    def count(request, timeout):
        asked.append(request["do"])
        return ask(request, timeout)

    monkeypatch.setattr(probe, "_ask", count)
    return asked


@pytest.mark.parametrize("origin", ["user", "catalog"])
def test_a_request_gets_every_default_and_the_warmup(origin):
    asked = services.inspect_request(version(mine(), origin), {"period": 7})
    assert asked == ({"period": 7, "ratio": 0.5}, 7)


def test_a_users_code_is_never_loaded_here_and_the_catalogues_always(children):
    source = mine(head="MARK = 1")
    services.inspect_request(version(source), {})
    services.check_stops(version(source), True)
    assert registry.source_hash(source) not in registry._modules
    assert children == ["inspect"]
    services.inspect_request(version(source, "catalog"), {})
    assert children == ["inspect"]


LOOP = "    @property\n    def never(self):\n        while True:\n            pass\n"
VALIDATOR = (
    "    @__import__('pydantic').field_validator('period')\n"
    "    @classmethod\n"
    "    def ends(cls, value):\n"
    "        while value == 7:\n            pass\n"
    "        return value\n"
)
ENDLESS = {
    "its warm-up": mine("params.never if params.period == 7 else 1", LOOP),
    "a validator": mine(fields=VALIDATOR),
    "its module": mine(head="while True: pass"),
    "sleep": mine(head="import time; time.sleep(600)"),
}


@pytest.mark.parametrize("what", ENDLESS)
def test_code_that_never_ends_costs_a_request_the_limit(what, monkeypatch):
    monkeypatch.setattr(inspection, "SECONDS", 1.5)
    began = time.monotonic()
    with pytest.raises(InvalidInput) as caught:
        services.inspect_request(version(ENDLESS[what]), {"period": 7})
    assert time.monotonic() - began < 30
    assert caught.value.code == "STRATEGY_FAILED"
    assert caught.value.message == (
        "Mine gives no parameters and warm-up for these values: it takes longer than 1.5 s"
    )


def test_code_that_ends_its_process_costs_a_child():
    with pytest.raises(InvalidInput) as caught:
        services.inspect_request(version(mine("__import__('os')._exit(3)")), {})
    assert caught.value.code == "STRATEGY_FAILED"
    assert "ends the interpreter (code 3)" in caught.value.message


@pytest.mark.parametrize("origin", ["user", "catalog"])
@pytest.mark.parametrize(
    ("source", "values", "code"),
    [
        (mine(), {"period": 1}, "INVALID_PARAMS"),
        (mine(), {"period": "7"}, "INVALID_TYPE"),
        (mine(), {"perod": 7}, "UNKNOWN_PARAM"),
        (mine("-1"), {}, "STRATEGY_FAILED"),
        (mine("1 / 0"), {}, "STRATEGY_FAILED"),
        (mine(fields="    any: object = object()\n"), {}, "STRATEGY_FAILED"),
        ("import no_such_module_here\n", {}, "STRATEGY_BROKEN"),
    ],
)
def test_refusals_are_the_same_apart_and_here(source, values, code, origin):
    with pytest.raises(InvalidInput) as caught:
        services.inspect_request(version(source, origin), values)
    assert caught.value.code == code
    if code == "UNKNOWN_PARAM":
        assert caught.value.details["valid_params"] == ["period", "ratio"]


@pytest.mark.parametrize("values", [None, [], "x", {"a": "\ud800"}, {"a": float("nan")}])
def test_values_that_are_wrong_for_any_strategy_start_no_child(values, children):
    with pytest.raises(InvalidInput):
        services.inspect_request(version(mine()), values)
    assert children == []


def test_an_answer_is_remembered_by_source_and_values_and_handed_out_as_a_copy(children):
    first, _ = services.inspect_request(version(mine()), {"period": 9})
    first["period"] = 1000
    assert services.inspect_request(version(mine()), {"period": 9})[0]["period"] == 9
    assert len(children) == 1
    assert services.inspect_request(version(mine("3")), {"period": 9})[1] == 3
    services.inspect_request(version(mine()), {"period": 10})
    assert len(children) == 3


def test_the_longest_unasked_answers_are_forgotten(monkeypatch):
    asked = []

    def inspect(source, name, values, timeout):
        asked.append(values["period"])
        return values, 1

    monkeypatch.setattr(probe, "inspect", inspect)
    monkeypatch.setattr(inspection, "REMEMBERED", 2)
    for period in (2, 3, 2, 4, 2, 3):
        services.inspect_request(version(mine()), {"period": period})
    assert asked == [2, 3, 4, 3]
    assert len(inspection._answers) == 2


def test_stops_are_judged_by_the_kind_on_record():
    with pytest.raises(InvalidInput) as caught:
        services.check_stops(version("while True: pass", kind="portfolio"), True)
    assert caught.value.code == "INVALID_STOPS"


def test_a_few_at_a_time_are_asked_and_the_others_told_to_come_back(monkeypatch):
    monkeypatch.setattr(inspection, "_places", Places(1, "Another is", code="CHECK_BUSY"))
    known = mine()
    assert services.inspect_request(version(known), {"period": 9})[0]["period"] == 9
    with inspection._places:
        with pytest.raises(Busy) as busy:
            services.inspect_request(version(known), {"period": 10})
        assert busy.value.code == "CHECK_BUSY"
        assert busy.value.details["retry_after_seconds"] > 0
        # What is known costs nothing.
        assert services.inspect_request(version(known), {"period": 9})[0]["period"] == 9
    assert services.inspect_request(version(known), {"period": 10})[0]["period"] == 10
