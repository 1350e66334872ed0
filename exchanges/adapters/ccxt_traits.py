"""What ccxt's venues can be trusted with, as read from ccxt's source.

ccxt does not tell these by `has` or `features`.  Where in doubt a venue is not
listed: then it is asked in more words, or not traded at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Traits:
    """`named`: its orders carry our ids.  `found_by_name`, `canceled_by_name`: by that alone.

    `windowed`: signed requests name a time and how late they may come.
    `timed`: they name a time, which need not be later than the last one's.
    `traceable`: what became of an order can be learnt without the venue's id
    for it.
    """

    named: bool
    found_by_name: bool
    canceled_by_name: bool
    windowed: bool
    timed: bool
    traceable: bool
    binance: bool


def traits(api: Any) -> Traits:
    name, has = api.id, api.has
    named, found = name in _NAMED, name in _FOUND_BY_NAME
    past = any(has.get(f"fetch{which}Orders") is True for which in ("Closed", ""))
    listed = has.get("fetchOpenOrders") is True and past
    return Traits(
        named=named,
        found_by_name=found,
        canceled_by_name=name in _CANCELED_BY_NAME,
        windowed=name in _WINDOWED,
        timed=name in _WINDOWED or name in _TIMED,
        traceable=named and (found or listed),
        binance=name in _BINANCE,
    )


def _ids(text: str) -> frozenset[str]:
    return frozenset(text.split())


_BINANCE = frozenset({"binance", "binanceus"})

_WINDOWED = _BINANCE | frozenset({"backpack", "bitrue", "bybit", "bybiteu", "bybitid", "mexc"})

_TIMED = frozenset({"bingx", "bitget", "kucoin", "myokx", "okx", "okxus"})

STOPS_KNOWN = frozenset({"kraken"})
"""Besides Binance's, which tell it of each market: stop-losses rest among the other orders."""

_NAMED = _ids(
    """
    alpaca apex aster backpack bigone binance binancecoinm binanceus binanceusdm bingx
    bitfinex bitget bithumb bitrue bitstamp bittrade blockchaincom btcmarkets btcturk btse
    bullish bybit bybiteu bybitid bydfi cex coinbase coinbaseexchange coinbaseinternational
    coinsph cryptocom cryptomus delta derive dydx foxbit gate gateeu gemini grvt hashkey htx
    hyperliquid kraken krakenfutures kucoin kucoinfutures latoken lbank lighter mexc
    modetrade myokx ndax okx okxus onetrading pacifica paradex phemex poloniex polymarket
    revolutx tokocrypto toobit upbit weex whitebit woo woofipro zebpay
    """
)

_FOUND_BY_NAME = _ids(
    """
    apex aster binance binancecoinm binanceus binanceusdm bingx bitget bithumb bitrue
    bitstamp blockchaincom bullish coinbaseexchange coinsph delta grvt hashkey htx
    hyperliquid kraken kucoin kucoinfutures latoken mexc modetrade myokx okx okxus paradex
    phemex poloniex toobit weex woo woofipro zebpay
    """
)

_CANCELED_BY_NAME = _ids(
    """
    apex aster backpack binance binancecoinm binanceus binanceusdm bingx bitfinex bitget
    bithumb bitrue btcmarkets btse bullish coinbaseexchange coinsph derive dydx grvt hashkey
    htx kraken lbank mexc modetrade myokx ndax okx okxus onetrading pacifica paradex phemex
    poloniex toobit weex whitebit woo woofipro zebpay
    """
)
