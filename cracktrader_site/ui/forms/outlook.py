"""What a start would come to: its bars, what of them is held, or why it would be refused."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.conf import settings
from rest_framework.exceptions import APIException

from cracktrader_site.ui import costs
from exchanges.coverage import Coverage
from exchanges.domain import CracktraderError
from exchanges.market_store import SeriesKey
from exchanges.models import Exchange
from exchanges.places import Places
from exchanges.queries import coverage_bar, first_ms, symbols_of
from runs.fields import iso

from .findings import told
from .run import RunForm
from .starting import resolved

MOST_BARS_SHOWN = 8
"""Symbols whose candles are shown; of others it is said how many they are."""
SUGGESTIONS = 30

# Each may ask a user's code; threads must stay free for those who do not only want to know.
_outlooks = Places(2, "Other forms are being looked at", patience=0.5, retry=3)


@dataclass(frozen=True, slots=True)
class Outlook:
    """`bars` and `warmup` are of each symbol; `start_ms` and `end_ms` UTC ms.

    `coverage`: (symbol, what of its candles is held, those of the warm-up too) of a run over
    bars of the past.
    `is_made`: the venue makes its candles, and nothing is downloaded; `begins_ms`: its first
    bar, where the run would begin before that.
    """

    problem: str = ""
    is_open: bool = False
    symbols: tuple[str, ...] = ()
    timeframe: str = ""
    bars: int = 0
    warmup: int = 0
    start_ms: int = 0
    end_ms: int = 0
    costs: str = ""
    quote: str = ""
    is_made: bool = False
    begins_ms: int | None = None
    coverage: list[tuple[str, Coverage]] = field(default_factory=list)
    not_shown: int = 0

    @property
    def to_get(self) -> int:
        """Bars that have to be downloaded or made first."""
        return sum(found.unasked_bars for _, found in self.coverage)


def outlook(form: RunForm) -> Outlook:
    """Never raises for what the form holds; asks no venue."""
    # Not by the form's own errors: those of a start that was refused are among them.
    if any("\0" in text for text in form.texts.values()):
        return Outlook(problem="A text holds a character that none may have.")
    try:
        with _outlooks:
            found = resolved(form.body())
    except (CracktraderError, APIException) as error:
        return Outlook(problem=told(form, error))
    engine, exchange = found.engine, found.exchange
    is_open = form.chosen_mode in ("paper", "live")
    step, begins_ms = engine.timeframe.ms, engine.timeframe.ceil(first_ms(exchange))
    if not is_open and engine.end_ms <= begins_ms:
        return Outlook(problem=f"The prices of {exchange.title} begin {_day(begins_ms)}.")
    keys = [SeriesKey(exchange.name, symbol, engine.timeframe) for symbol in engine.symbols]
    shown = [] if is_open else keys[:MOST_BARS_SHOWN]
    return Outlook(
        is_open=is_open,
        symbols=tuple(engine.symbols),
        timeframe=engine.timeframe.name,
        bars=0 if is_open else (engine.end_ms - engine.start_ms) // step,
        warmup=(engine.start_ms - engine.anchor_ms) // step,
        start_ms=engine.start_ms,
        end_ms=engine.end_ms,
        costs=costs.told(engine.fee, engine.slippage),
        quote=engine.symbols[0].quote,
        is_made=exchange.builtin,
        begins_ms=begins_ms if engine.start_ms < begins_ms else None,
        coverage=[
            (str(key.symbol), coverage_bar(key, max(engine.anchor_ms, begins_ms), engine.end_ms))
            for key in shown
        ],
        not_shown=0 if is_open else len(keys) - len(shown),
    )


def _day(ms: int) -> str:
    return iso(ms)[:10]


def suggestions(exchange: Exchange, typed: str, most: int = SUGGESTIONS) -> list[str]:
    """Markets of the venue that are known here, those that begin as typed first."""
    known = set(symbols_of(exchange)) | set(exchange.series.values_list("symbol", flat=True))
    wanted = typed.strip().upper()
    found = [symbol for symbol in known if wanted in symbol.upper()]
    found.sort(key=lambda s: (not s.upper().startswith(wanted), not s.endswith("/USDT"), s))
    return found[: min(most, settings.MAX_SYMBOLS)]
