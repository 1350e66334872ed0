"""From what was asked to what will be run: every default resolved, every bound checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings

from exchanges import services as market_data
from exchanges.domain import InvalidInput, Symbol, Timeframe
from exchanges.models import Exchange
from exchanges.queries import clock
from strategies import services as strategies
from strategies.models import Strategy, StrategyVersion

from .engine.config import CashMode, RunConfig

FOREVER_MS = 4_102_444_800_000  # 2100-01-01: the end of a run that has none
DEFAULT_BARS = 1_000
DEFAULT_CASH = 10_000.0
_LONGEST_SYMBOL = 42  # one more than any symbol has


@dataclass(frozen=True, slots=True)
class Resolved:
    """`config` is JSON: {"engine": RunConfig, "strategy_params": …, …}."""

    exchange: Exchange
    version: StrategyVersion
    engine: RunConfig
    config: dict[str, Any]


def resolve(
    request: dict[str, Any],
    now_ms: int | None = None,
    inspected: tuple[dict[str, Any], int] | None = None,
    version: StrategyVersion | None = None,
) -> Resolved:
    """`request` has the shape runs.bodies.BacktestRequest or LiveTradingRequest validated.

    `inspected`: what `strategies.inspect_request` said of it, where that is known.
    `version`: the strategy's, where another than the newest is to be run.
    Raises InvalidInput with a code of its own for everything that can be known
    before a candle is read.
    """
    now_ms = clock().now_ms() if now_ms is None else now_ms
    exchange = market_data.get_exchange(request["exchange"])
    timeframe = market_data.check_timeframe(exchange, request["timeframe"])
    symbols = parse_symbols(request["symbols"])
    market_data.check_symbols(exchange, symbols)
    check_quotes(symbols)
    version = version or strategies.get_version(request["strategy_name"])
    params, warmup = inspected or strategies.inspect_request(version, request["strategy_params"])
    if _is_open_ended(request):
        # The bar that is open now is the first to decide at.
        start_ms, end_ms = timeframe.floor(now_ms), timeframe.floor(FOREVER_MS)
    else:
        start_ms, end_ms = _range(request.get("replay") or request, timeframe, now_ms)
    anchor_ms = max(start_ms - warmup * timeframe.ms, timeframe.ceil(0))
    check_size(symbols, timeframe, anchor_ms, start_ms if _is_open_ended(request) else end_ms)
    engine = RunConfig(
        symbols=symbols,
        timeframe=timeframe,
        anchor_ms=anchor_ms,
        start_ms=start_ms,
        end_ms=end_ms,
        initial_cash=request["initial_cash"],
        fee=_fee(request, exchange, symbols),
        slippage=request["slippage"],
        stop_loss=request["stop_loss"],
        take_profit=request["take_profit"],
        trailing_stop=request["trailing_stop"],
        position_size=request["position_size"],
        cash=_cash(request, version),
        max_drawdown=request["max_drawdown"],
        daily_loss=request["daily_loss"],
    )
    strategies.check_stops(version, engine.has_stops)
    config = {
        "exchange": exchange.name,
        "strategy_name": request["strategy_name"],
        "strategy_params": params,
        "source_hash": version.source_hash,
        "engine": engine.to_dict(),
    }
    if request.get("replay") is not None:
        config["replay"] = {"speed": request["replay"]["speed"]}
    return Resolved(exchange, version, engine, config)


def _is_open_ended(request: dict[str, Any]) -> bool:
    """Whether it trades bars that are still to come."""
    return "mode" in request and request["replay"] is None


def parse_symbols(names: list[str]) -> tuple[Symbol, ...]:
    if len(names) > settings.MAX_SYMBOLS:
        raise InvalidInput(
            "TOO_MANY_SYMBOLS",
            f"{len(names)} symbols in one run; at most {settings.MAX_SYMBOLS} are allowed",
            maximum=settings.MAX_SYMBOLS,
        )
    symbols = tuple(parse_symbol(name) for name in names)
    if not symbols or len(set(symbols)) != len(symbols):
        raise InvalidInput(
            "INVALID_SYMBOLS",
            "Symbols must be given, each once",
            expected='["BTC/USDT", "ETH/USDT"]',
        )
    return symbols


def parse_symbol(name: str) -> Symbol:
    """Raises INVALID_SYMBOL; of a name too long to be one, it repeats the beginning only."""
    return Symbol(name[:_LONGEST_SYMBOL])


def check_quotes(symbols: tuple[Symbol, ...]) -> None:
    quotes = {symbol.quote for symbol in symbols}
    if len(quotes) > 1:
        raise InvalidInput(
            "INVALID_SYMBOLS",
            "All symbols of a run must have one quote currency: its cash is one currency",
            quotes=sorted(quotes),
        )


def _range(request: dict[str, Any], timeframe: Timeframe, now_ms: int) -> tuple[int, int]:
    """[start, end) in ms on the timeframe's grid; only closed bars are in it."""
    last_close = timeframe.floor(now_ms)
    asked_start, asked_end = request["start_date"], request["end_date"]
    if asked_end is not None and asked_end > now_ms:
        raise InvalidInput("INVALID_RANGE", "end_date is in the future", now_ms=now_ms)
    end_ms = last_close if asked_end is None else min(timeframe.ceil(asked_end), last_close)
    if asked_start is None:
        start_ms = max(end_ms - DEFAULT_BARS * timeframe.ms, timeframe.ceil(0))
    else:
        start_ms = timeframe.ceil(asked_start)
    if start_ms >= end_ms:
        raise InvalidInput(
            "INVALID_RANGE",
            f"No {timeframe} bar opens and closes between start_date and end_date",
            last_closed_bar_ms=last_close - timeframe.ms,
        )
    return start_ms, end_ms


def check_size(
    symbols: tuple[Symbol, ...], timeframe: Timeframe, anchor_ms: int, end_ms: int
) -> None:
    """Raises TOO_MANY_BARS."""
    bars = (end_ms - anchor_ms) // timeframe.ms * len(symbols)
    if bars > settings.MAX_BARS:
        raise InvalidInput(
            "TOO_MANY_BARS",
            f"The run covers {bars:,} bars, warm-up included; "
            f"at most {settings.MAX_BARS:,} are allowed",
            bars=bars,
            maximum=settings.MAX_BARS,
        )


def _cash(request: dict[str, Any], version: StrategyVersion) -> CashMode:
    """Target weights are shares of the whole run: what does not apply must not be on record."""
    if version.strategy.kind != Strategy.Kind.PORTFOLIO:
        return CashMode(request["cash"])
    if request["position_size"] != 1:
        raise InvalidInput(
            "INVALID_VALUE",
            f"{version.strategy.name} gives target weights: position_size does not go with them",
            valid="position_size left out",
        )
    return CashMode.SHARED


def _fee(request: dict[str, Any], exchange: Exchange, symbols: tuple[Symbol, ...]) -> float:
    if request["fee"] is not None:
        return float(request["fee"])
    return max(market_data.taker_fee(exchange, symbol) for symbol in symbols)
