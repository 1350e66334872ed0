"""From what was asked to what is run: each default, and what is refused before a candle is read."""

from __future__ import annotations

from typing import Any

import pytest

from exchanges.domain import InvalidInput
from exchanges.models import Exchange
from runs.bodies import BacktestRequest
from runs.fields import iso, moment_ms
from runs.resolve import Resolved, check_quotes, parse_symbols, resolve
from tests.site.api import GOOD, desk  # noqa: F401 - fixture

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("desk")]

HOUR = 3_600_000
NOW = 1_735_700_000_000  # 2025-01-01T02:53:20Z


def asked(**changes: Any) -> dict[str, Any]:
    body = {k: v for k, v in (GOOD | changes).items() if v is not ...}
    form = BacktestRequest(data=body)
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)


def resolved(now_ms: int = NOW, **changes: Any) -> Resolved:
    return resolve(asked(**changes), now_ms)


def refused(code: str, **changes: Any) -> InvalidInput:
    with pytest.raises(InvalidInput) as error:
        resolved(**changes)
    assert error.value.code == code
    return error.value


def test_every_default_is_resolved_and_written_down() -> None:
    run = resolved(start_date=..., end_date=..., strategy_params=..., initial_cash=...)
    engine = run.engine
    assert engine.end_ms == NOW // HOUR * HOUR
    assert engine.start_ms == engine.end_ms - 1000 * HOUR
    assert engine.initial_cash == 10_000
    assert engine.fee == 0.001
    assert (engine.slippage, engine.position_size, engine.cash) == (0, 1, "sleeves")
    assert not engine.has_stops
    assert run.config["strategy_params"].keys() == {"period", "threshold", "slow"}
    assert run.config["source_hash"] == run.version.source_hash


def test_the_anchor_is_the_warm_up_before_the_start() -> None:
    warm = resolved(strategy_params={"period": 50})
    assert (warm.engine.start_ms - warm.engine.anchor_ms) % HOUR == 0
    longer = resolved(strategy_params={"period": 100})
    assert longer.engine.anchor_ms < warm.engine.anchor_ms < warm.engine.start_ms


def test_a_warm_up_never_reaches_before_1970() -> None:
    engine = resolved(start_date="1970-01-01T03:00:00Z", end_date="1970-01-03T00:00:00Z").engine
    assert engine.anchor_ms == 0
    weekly = resolved(
        timeframe="1w", start_date="1970-01-01T00:00:00Z", end_date="1971-01-01T00:00:00Z"
    ).engine
    assert weekly.anchor_ms == weekly.start_ms == 4 * 24 * HOUR


def test_dates_within_a_bar_take_the_bars_that_open_between_them() -> None:
    engine = resolved(start_date="2024-01-01T00:30:00Z", end_date="2024-01-02T00:30:00Z").engine
    assert iso(engine.start_ms) == "2024-01-01T01:00:00Z"
    assert iso(engine.end_ms) == "2024-01-02T01:00:00Z"


def test_the_bar_that_is_still_open_is_not_in_the_run() -> None:
    end = iso(NOW - 60_000)
    assert resolved(end_date=end).engine.end_ms == NOW // HOUR * HOUR
    refused("INVALID_RANGE", start_date=iso(NOW // HOUR * HOUR), end_date=end)


def test_the_very_moment_is_no_future() -> None:
    assert resolved(end_date=iso(NOW)).engine.end_ms == NOW // HOUR * HOUR
    refused("INVALID_RANGE", end_date=iso(NOW + 1))


def test_the_fee_is_the_dearest_of_the_symbols_unless_given() -> None:
    Exchange.objects.filter(name="simulated").update(
        markets={"BTC/USDT": [0.0005, 0.0], "ETH/USDT": [0.002, 0.0]}
    )
    assert resolved(symbols=["BTC/USDT"]).engine.fee == 0.0005
    assert resolved(symbols=["BTC/USDT", "ETH/USDT"]).engine.fee == 0.002
    assert resolved(symbols=["BTC/USDT"], fee=0).engine.fee == 0


def test_bars_are_counted_with_warm_up_and_all_symbols(settings) -> None:
    day = {"start_date": "2024-01-01T00:00:00Z", "end_date": "2024-01-02T00:00:00Z"}
    engine = resolved(**day).engine
    bars = (engine.end_ms - engine.anchor_ms) // HOUR
    settings.MAX_BARS = bars
    resolved(**day)
    found = refused("TOO_MANY_BARS", **day, symbols=["BTC/USDT", "ETH/USDT"])
    assert found.details == {"bars": 2 * bars, "maximum": bars}


def test_symbols_are_bounded_by_the_setting(settings) -> None:
    settings.MAX_SYMBOLS = 2
    assert parse_symbols(["A/B", "C/B"]) == ("A/B", "C/B")
    with pytest.raises(InvalidInput) as error:
        parse_symbols(["A/B", "C/B", "E/B"])
    assert (error.value.code, error.value.details) == ("TOO_MANY_SYMBOLS", {"maximum": 2})


def test_a_venue_that_is_switched_off_is_refused() -> None:
    Exchange.objects.filter(name="binance").update(enabled=False)
    refused("EXCHANGE_DISABLED", exchange="binance")


def test_a_timeframe_the_venue_lacks_is_refused_with_those_it_has() -> None:
    Exchange.objects.filter(name="binance").update(timeframes=["1h", "1d"])
    found = refused("UNKNOWN_TIMEFRAME", exchange="binance", timeframe="5m")
    assert found.details == {"supported_timeframes": ["1h", "1d"]}


def test_without_a_cache_of_markets_a_well_formed_symbol_passes() -> None:
    assert resolved(exchange="binance", symbols=["NEW/COIN"]).engine.symbols == ("NEW/COIN",)


@pytest.mark.parametrize("ms", [0, 1, 999, 1000, 951_782_400_000, 4_102_444_800_000, NOW + 7])
def test_moments_survive_being_written_and_read(ms) -> None:
    from datetime import datetime

    assert moment_ms(datetime.fromisoformat(iso(ms))) == ms


def test_one_run_has_one_quote_currency() -> None:
    with pytest.raises(InvalidInput) as refused:
        check_quotes(parse_symbols(["BTC/USDT", "ETH/BTC"]))
    assert refused.value.code == "INVALID_SYMBOLS"
    assert refused.value.details == {"quotes": ["BTC", "USDT"]}
