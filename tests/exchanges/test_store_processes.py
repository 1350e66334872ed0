"""Several processes on one store, and processes that die in the middle."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from exchanges.market_store import MarketStore, SeriesKey
from tests.exchanges.tools import BTC, HOUR, HOUR_MS, T0, make_bars

ROOT = Path(__file__).resolve().parents[2]
KEY = SeriesKey("binance", BTC, HOUR)

WRITER = """
import sys
from pathlib import Path
from exchanges.market_store import MarketStore, SeriesKey
from tests.exchanges.tools import BTC, HOUR, HOUR_MS, T0, make_bars
root, first, step, count, size = Path(sys.argv[1]), *map(int, sys.argv[2:])
store, key = MarketStore(root), SeriesKey("binance", BTC, HOUR)
print("ready", flush=True)
for i in range(first, first + step * count, step):
    bars = make_bars(range(i * size, (i + 1) * size))
    store.write(key, bars, covering=(T0 + i * size * HOUR_MS, T0 + (i + 1) * size * HOUR_MS))
    print(i, flush=True)
"""


def writer(root: Path, first: int, step: int, count: int, size: int) -> subprocess.Popen[str]:
    arguments = [str(number) for number in (first, step, count, size)]
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(root), *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_two_processes_that_write_one_series_at_once_lose_nothing(tmp_path):
    processes = [writer(tmp_path, first, 2, 40, 20) for first in (0, 1)]
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    store = MarketStore(tmp_path)
    end = T0 + 80 * 20 * HOUR_MS
    assert store.read(KEY, T0, end).content_hash() == make_bars(range(1600)).content_hash()
    assert store.covered(KEY) == [(T0, end)]
    assert not list(tmp_path.rglob("*.tmp"))


@pytest.mark.parametrize("seed", range(6))
def test_a_writer_killed_at_any_moment_leaves_a_store_that_never_claims_too_much(tmp_path, seed):
    process = writer(tmp_path, 0, 1, 10_000, 50)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(random.Random(seed).uniform(0.02, 0.4))
    process.send_signal(signal.SIGKILL)
    reported = [int(line) for line in process.stdout.read().split()]
    process.wait()
    process.stdout.close()

    store = MarketStore(tmp_path)
    done = (max(reported, default=-1) + 1) * 50
    for start, end in store.covered(KEY):
        held = store.read(KEY, start, end)
        assert len(held) == (end - start) // HOUR_MS
    assert store.missing(KEY, T0, T0 + done * HOUR_MS) == []
    more = make_bars(range(done + 500, done + 600))
    store.write(KEY, more)
    assert len(store.read(KEY, int(more.time[0]), int(more.time[-1]) + 1)) == 100
    assert not list(tmp_path.rglob("*.tmp"))


def test_the_lock_of_a_killed_holder_is_free_again(tmp_path):
    store = MarketStore(tmp_path)
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; from pathlib import Path\n"
            "from exchanges.market_store import MarketStore, SeriesKey\n"
            "from tests.exchanges.tools import BTC, HOUR\n"
            "with MarketStore(Path(sys.argv[1])).downloading(SeriesKey('binance', BTC, HOUR)):\n"
            "    print('held', flush=True); time.sleep(60)",
            str(tmp_path),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    holder.stdout.readline()

    class TookTooLong(Exception):
        pass

    waits = []

    def waiting() -> None:
        waits.append(time.monotonic())
        if len(waits) == 5:
            holder.kill()
        if len(waits) > 400:
            raise TookTooLong

    with store.downloading(KEY, waiting):
        assert len(waits) >= 5
    holder.wait()
    holder.stdout.close()


def test_waiting_for_a_lock_can_be_given_up(tmp_path):
    store = MarketStore(tmp_path)

    class Enough(Exception):
        pass

    def enough() -> None:
        raise Enough

    with store.downloading(KEY), pytest.raises(Enough), store.downloading(KEY, enough):
        raise AssertionError("two hold one lock")
