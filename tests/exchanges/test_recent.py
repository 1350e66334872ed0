"""What was just read is not read again, unless it changed."""

import random
import sys
import threading
from pathlib import Path

import numpy as np

from exchanges.domain import Bars, Symbol, Timeframe
from exchanges.market_store import MarketStore, SeriesKey
from exchanges.recent import Recent, RecentBars

HOUR = Timeframe.parse("1h")
KEY = SeriesKey("binance", Symbol("BTC/USDT"), HOUR)


def bars(first: int, count: int, price: float = 10.0) -> Bars:
    time = (first + np.arange(count)) * HOUR.ms
    prices = np.full(count, price)
    return Bars(KEY.symbol, HOUR, time, prices, prices, prices, prices, prices)


def test_unchanged_candles_are_read_once(tmp_path: Path) -> None:
    store, recent = MarketStore(tmp_path), RecentBars(1_000_000)
    store.write(KEY, bars(0, 100))
    first = recent.read(store, KEY, 0, 50 * HOUR.ms)
    assert len(first) == 50
    assert recent.read(store, KEY, 0, 50 * HOUR.ms) is first
    assert len(recent.read(store, KEY, 0, 60 * HOUR.ms)) == 60


def test_a_revised_candle_is_seen_at_once(tmp_path: Path) -> None:
    store, recent = MarketStore(tmp_path), RecentBars(1_000_000)
    store.write(KEY, bars(0, 100))
    before = recent.read(store, KEY, 0, 100 * HOUR.ms)
    store.write(KEY, bars(50, 1, price=11.0))
    after = recent.read(store, KEY, 0, 100 * HOUR.ms)
    assert after.close[50] == 11.0
    assert before.close[50] == 10.0
    assert before.content_hash() != after.content_hash()


def test_an_appended_candle_is_seen_at_once(tmp_path: Path) -> None:
    store, recent = MarketStore(tmp_path), RecentBars(1_000_000)
    store.write(KEY, bars(0, 10))
    assert len(recent.read(store, KEY, 0, 100 * HOUR.ms)) == 10
    store.write(KEY, bars(10, 1))
    assert len(recent.read(store, KEY, 0, 100 * HOUR.ms)) == 11


def test_no_more_than_the_limit_is_kept(tmp_path: Path) -> None:
    store, recent = MarketStore(tmp_path), RecentBars(limit_bytes=100 * 48)
    store.write(KEY, bars(0, 300))
    old = recent.read(store, KEY, 0, 60 * HOUR.ms)
    recent.read(store, KEY, 0, 61 * HOUR.ms)
    assert recent.read(store, KEY, 0, 60 * HOUR.ms) is not old
    large = recent.read(store, KEY, 0, 300 * HOUR.ms)
    assert recent.read(store, KEY, 0, 300 * HOUR.ms) is not large


def test_a_hash_is_of_the_values_whoever_asks_first() -> None:
    one, other = bars(0, 10), bars(0, 10)
    assert one.content_hash() == one.content_hash() == other.content_hash()
    assert one[:5].content_hash() != one.content_hash()


def test_threads_share_what_is_kept_and_its_size_stays_right() -> None:
    recent: Recent[int, str] = Recent(limit_bytes=500)
    wrong: list[object] = []

    def work(seed: int) -> None:
        dice = random.Random(seed)
        try:
            for _ in range(4_000):
                key = dice.randrange(60)
                if recent.get(key) not in (None, str(key)):
                    wrong.append(key)
                recent.put(key, str(key), dice.randrange(100))
        except (KeyError, RuntimeError, TypeError) as error:
            wrong.append(error)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert wrong == []
    assert recent._size == sum(size for _, size in recent._kept.values()) <= 500


def test_what_was_used_last_stays_and_some_stay_however_large() -> None:
    recent: Recent[str, int] = Recent(limit_bytes=10, at_least=1)
    recent.put("a", 1, 5)
    recent.put("b", 2, 5)
    assert recent.get("a") == 1
    recent.put("c", 3, 5)
    assert [recent.get(name) for name in "abc"] == [1, None, 3]
    recent.put("large", 4, 100)
    assert [recent.get(name) for name in ("a", "c", "large")] == [None, None, 4]
