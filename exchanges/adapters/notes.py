"""What an operator should know of a venue's test environment, one sentence each."""

from __future__ import annotations

from exchanges.ports import Venue

COMMON = (
    "binance",
    "binanceus",
    "bitfinex",
    "bitget",
    "bitstamp",
    "bybit",
    "coinbase",
    "cryptocom",
    "gate",
    "gemini",
    "htx",
    "kraken",
    "kucoin",
    "mexc",
    "okx",
)
"""Listed by default, by ccxt id."""

_NOTES = {
    "simulated": "Built in: invented prices, no keys, no network; the same for everybody.",
    "binance": "Spot testnet at testnet.binance.vision; it has keys and balances of its own.",
    "binanceus": "No testnet of its own is documented; practise in paper mode.",
    "bitfinex": "No sandbox server; the venue offers paper trading sub-accounts on the real one.",
    "bitget": "Demo trading on the real servers with demo API keys.",
    "bybit": "Testnet at testnet.bybit.com; it has accounts and keys of its own.",
    "coinbase": "No sandbox for Advanced Trade; practise in paper mode.",
    "cryptocom": "UAT sandbox; access and keys are given by the venue on request.",
    "gate": "Testnet at testnet.gate.com; it has keys of its own.",
    "gemini": "Sandbox at exchange.sandbox.gemini.com; it has accounts of its own.",
    "kraken": "No sandbox for spot; practise in paper mode.",
    "kucoin": "The sandbox was closed; practise in paper mode.",
    "okx": "Demo trading on the real servers with API keys made for demo trading.",
}


def sandbox_note(venue: Venue) -> str:
    if venue.name in _NOTES:
        return _NOTES[venue.name]
    if venue.sandbox:
        return "Test environment available; it needs keys of its own."
    return "No test environment known; practise in paper mode."
