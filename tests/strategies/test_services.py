from __future__ import annotations

import subprocess
import sys

import pytest
from django.conf import settings

from exchanges.domain import Bars, InvalidInput, NotFound, Symbol, Timeframe
from strategies import inspection, queries, services
from strategies.base import PortfolioStrategy, Strategy
from strategies.models import Strategy as Record
from strategies.models import StrategyVersion
from strategies.synthetic import synthetic_bars

from .sources import GOOD, one

pytestmark = pytest.mark.django_db

FILES = {"mine.py": GOOD}


def test_a_name_gives_the_version_with_its_strategy(synced, django_assert_num_queries):
    with django_assert_num_queries(1):
        version = services.get_version("MomentumRotation")
        assert version.strategy.name == "MomentumRotation"
    assert issubclass(services.load_strategy(version), PortfolioStrategy)
    assert issubclass(services.load_strategy(services.get_version("Mine")), Strategy)


@pytest.mark.parametrize(
    "name",
    [
        "Nope",
        "mine",
        "",
        "mine.py",
        "../mine",
        "Mine\0",
        "Mіne",  # noqa: RUF001 - that i is Cyrillic
        "\u202eMine",
        "__import__('os').system('true')",
        "A" * 100_000,
        "\ud800",
        None,
        7,
        ["Mine"],
        {"Mine": 1},
    ],
)
def test_any_other_name_is_unknown_and_answered_with_the_known_ones(synced, name):
    with pytest.raises(InvalidInput) as caught:
        services.get_version(name)
    assert caught.value.code == "UNKNOWN_STRATEGY"
    assert len(caught.value.message) < 400
    caught.value.message.encode()
    assert "Mine" in caught.value.details["available_strategies"]
    assert "BuyAndHold" in caught.value.details["available_strategies"]


@pytest.mark.parametrize(
    "values", [{"period": 20, "threshold": 0.02}, {"period": 10, "slow": 30}, {}]
)
def test_the_references_own_parameters_are_valid(synced, values):
    params = services.validate_params(services.get_version("TestStrategy"), values)
    given = params.model_dump()
    assert {key: given[key] for key in values} == values


def test_bad_parameters_are_refused(synced):
    with pytest.raises(InvalidInput) as caught:
        services.validate_params(services.get_version("TestStrategy"), {"period": 0})
    assert caught.value.code == "INVALID_PARAMS"


def test_the_warmup_is_asked_for_safely(synced):
    version = services.get_version("MovingAverageCross")
    defaults = services.validate_params(version, {})
    assert inspection.warmup(services.load_strategy(version), defaults) == 30
    needy = "class NoParams(Params):\n    level: int"
    source = one(
        "above = close > 1",
        warmup="(lambda: 7, lambda: -1, lambda: 'x', lambda: 1 / 0)[params.level]()",
    ).replace("class NoParams(Params):\n    pass", needy)
    version = StrategyVersion(strategy=version.strategy, source=source)
    version.strategy.name = "Mine"
    asked = [services.validate_params(version, {"level": level}) for level in range(4)]
    assert inspection.warmup(services.load_strategy(version), asked[0]) == 7
    for params in asked[1:]:
        with pytest.raises(InvalidInput) as caught:
            inspection.warmup(services.load_strategy(version), params)
        assert caught.value.code == "STRATEGY_FAILED"
    version.source = "import no_such_module_here"
    with pytest.raises(InvalidInput) as caught:
        inspection.warmup(services.load_strategy(version), asked[0])
    assert caught.value.code == "STRATEGY_BROKEN"


def test_stops_do_not_go_with_target_weights(synced):
    services.check_stops(services.get_version("MomentumRotation"), False)
    services.check_stops(services.get_version("TestStrategy"), True)
    with pytest.raises(InvalidInput) as caught:
        services.check_stops(services.get_version("MomentumRotation"), True)
    assert caught.value.code == "INVALID_STOPS"


def test_a_check_on_given_and_on_made_up_candles(synced):
    version = services.get_version("Mine")
    bars = [synthetic_bars(seed=5)]
    assert services.check_strategy(version, {}, bars).passed
    assert services.check_on_synthetic(version, {}).passed
    none = Bars.empty(Symbol("A/B"), Timeframe.parse("1h"))
    with pytest.raises(InvalidInput, match="needs candles"):
        services.check_strategy(version, {}, [none])
    with pytest.raises(InvalidInput, match="needs candles"):
        services.check_strategy(version, {}, [])


def test_a_warmup_longer_than_usual_gets_more_made_up_candles(synced):
    values = {"fast_period": 300, "slow_period": 900}
    report = services.check_on_synthetic(services.get_version("MacdTrend"), values)
    assert report.warmup > 9000
    assert report.passed
    assert report.notes == []


def test_the_listing_takes_one_query_however_many_there_are(synced, django_assert_num_queries):
    for i in range(20):
        Record.objects.create(name=f"More{i}", origin="user", available=True)
    with django_assert_num_queries(1):
        listing = queries.listing()
    assert len(listing) == 29
    entry = next(e for e in listing if e["name"] == "TestStrategy")
    assert entry["parameters"]["period"]["default"] == 20
    assert entry["parameters"]["slow"]["nullable"] is True
    assert entry["params_schema"]["additionalProperties"] is False


@pytest.mark.parametrize("name", ["Nope", "a\0b", "A" * 5000, "\u202e"])
def test_the_detail_of_an_unknown_name_is_not_found(synced, name):
    with pytest.raises(NotFound) as caught:
        queries.detail(name)
    assert caught.value.code == "STRATEGY_NOT_FOUND"


HEAVY = ("vectorbt", "numba", "ccxt", "plotly", "pandas", "pyarrow")


def _imports(code: str) -> str:
    program = f"import sys\n{code}\nprint([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip().splitlines()[-1]


def test_start_up_does_not_import_heavy_libraries():
    setup = (
        "import os\nos.environ['DJANGO_SETTINGS_MODULE'] = 'cracktrader_site.settings'\n"
        "import django\ndjango.setup()\nimport strategies.services, strategies.views"
    )
    assert _imports(setup) == "[]"


def test_the_pure_part_imports_neither_django_nor_heavy_libraries():
    pure = "import strategies.bias, strategies.probe, strategies.params, strategies.csv_bars"
    assert _imports(pure + "\nassert 'django' not in sys.modules") == "[]"
