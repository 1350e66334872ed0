"""Tables as bytes, what seals them, and curves with fewer points."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.engine import artifacts, seal, vectorized
from runs.engine.downsample import LEAST, downsample
from strategies.base import Signals

from .worlds import HOUR, SYMBOLS, make_bars, make_config


@pytest.fixture(scope="module")
def simulation():
    rng = np.random.default_rng(2)
    rows = []
    for base in 100 * np.exp(np.cumsum(rng.normal(0, 0.02, 300))):
        rows.append((base, base * 1.02, base * 0.98, base * 1.01))
    signals = Signals(rng.random(300) < 0.2, rng.random(300) < 0.2)
    return vectorized.simulate(make_config(fee=0.001), [make_bars(rows)], [signals])


def empty_simulation():
    return vectorized.simulate(
        make_config(start_ms=HOUR.ms, end_ms=2 * HOUR.ms),
        [make_bars([])],
        [Signals(np.zeros(0, bool), np.zeros(0, bool))],
    )


def test_tables_come_back_as_they_went(simulation):
    encoded = artifacts.encode(simulation)
    assert {name: rows for name, (_, rows) in encoded.items()} == {
        "trades": len(simulation.trades),
        "orders": len(simulation.orders),
        "equity": 300,
    }
    assert len(simulation.trades) > 10
    for name in ("trades", "orders"):
        table = artifacts.decode(name, encoded[name][0])
        assert table.dtype == getattr(simulation, name).dtype
        assert table.tobytes() == getattr(simulation, name).tobytes()
    equity = artifacts.decode("equity", encoded["equity"][0])
    for name in ("time", "equity", "cash"):
        assert (equity[name] == getattr(simulation, name)).all()
    columns = artifacts.equity_columns(encoded["equity"][0])
    assert [c.tolist() for c in columns] == [equity[n].tolist() for n in ("time", "equity", "cash")]


def test_bars_come_back_to_the_last_bit_in_their_order():
    config = make_config(4)
    rng = np.random.default_rng(7)
    hours = ([], [3, 4, 9], [], [1, 5, 6, 7, 100])
    series = [
        make_bars(rng.uniform(0.1, 9.0, (len(opens), 4)).tolist(), opens, symbol)
        for opens, symbol in zip(hours, SYMBOLS, strict=True)
    ]
    content, rows = artifacts.encode_bars(series)
    assert rows == 8
    back = artifacts.decode_bars(content, config)
    assert [bars.content_hash() for bars in back] == [bars.content_hash() for bars in series]
    assert artifacts.encode_bars(back)[0] == content


def test_empty_tables_come_back_empty():
    for name, (content, rows) in artifacts.encode(empty_simulation()).items():
        assert rows == 0
        table = artifacts.decode(name, content)
        assert len(table) == 0
        assert table.dtype == artifacts.DTYPES[name]


def test_equal_tables_give_equal_bytes_and_others_do_not(simulation):
    copy = dataclasses.replace(
        simulation, equity=simulation.equity.copy(), trades=simulation.trades.copy()
    )
    assert artifacts.encode(copy) == artifacts.encode(simulation)
    copy.equity[7] = np.nextafter(copy.equity[7], np.inf)
    ours, theirs = artifacts.encode(simulation), artifacts.encode(copy)
    assert artifacts.sha256(ours["equity"][0]) != artifacts.sha256(theirs["equity"][0])
    assert ours["trades"] == theirs["trades"]


@pytest.mark.parametrize("table", ["equity", "orders", "trades", "pending", "positions"])
def test_the_digest_changes_with_any_bit_of_the_books(simulation, table):
    base = seal.result_digest(simulation, {"a": 1.0})
    assert seal.result_digest(simulation, {"a": 1.0}) == base
    column = getattr(simulation, table)
    changed = np.zeros(len(column) + 1, column.dtype)
    changed[:-1] = column
    if len(column):
        raw = column.copy()
        raw.view(np.uint8)[-1] ^= 1
        changed = raw
    other = dataclasses.replace(simulation, **{table: changed})
    assert seal.result_digest(other, {"a": 1.0}) != base


def test_the_digest_changes_with_a_metric(simulation):
    one = seal.result_digest(simulation, {"a": 0.1, "b": None})
    assert seal.result_digest(simulation, {"b": None, "a": 0.1}) == one
    assert seal.result_digest(simulation, {"a": float(np.nextafter(0.1, 1)), "b": None}) != one


def test_a_seal_says_what_made_the_run_and_is_json():
    parts = ({"symbols": ["BTC/USDT"]}, "TestStrategy", "abc", {"BTC/USDT": "def"})
    made = seal.seal(*parts)
    assert json.loads(json.dumps(made)) == made
    assert set(made["versions"]) == {
        "python",
        "numpy",
        "pandas",
        "numba",
        "vectorbt",
        "pyarrow",
        "engine",
    }
    assert seal.seal(*parts)["digest"] == made["digest"]
    assert seal.seal(*parts[:3], {"BTC/USDT": "xyz"})["digest"] != made["digest"]
    assert seal.seal(*parts, versions={"engine": "older"})["digest"] != made["digest"]


def test_the_engines_hash_follows_its_sources(tmp_path, monkeypatch):
    folder = tmp_path / "runs" / "engine"
    folder.mkdir(parents=True)
    (folder / "vectorized.py").write_text("rules = 1\n")
    monkeypatch.setattr(seal, "_ROOT", tmp_path)
    hashes = [seal.engine_hash.__wrapped__()]
    (folder / "vectorized.py").write_text("rules = 2\n")
    hashes.append(seal.engine_hash.__wrapped__())
    (folder / "vectorized.py").rename(folder / "other.py")
    hashes.append(seal.engine_hash.__wrapped__())
    assert len(set(hashes)) == 3


@given(
    st.lists(st.sampled_from([0.0, 1.0, 2.0, 5.0, 5.5, 90.0, 100.0]), max_size=300),
    st.integers(0, 60),
)
def test_the_extremes_of_a_curve_survive_downsampling(values, n):
    values = np.array(values)
    time = np.arange(len(values), dtype=np.int64) * HOUR.ms
    chosen = downsample(time, values, n)
    assert len(chosen) <= max(n, LEAST)
    assert (np.diff(chosen) > 0).all()
    if not len(values):
        return
    kept = values[chosen]
    assert (chosen[0], chosen[-1]) == (0, len(values) - 1)
    assert (kept.min(), kept.max()) == (values.min(), values.max())

    def deepest(curve):
        peak = np.maximum.accumulate(curve)
        return max((p - v) / p if p > 0 else 0.0 for p, v in zip(peak, curve, strict=True))

    assert deepest(kept) == deepest(values)


def test_a_long_curve_is_cut_to_the_points_asked_for():
    values = np.cumsum(np.random.default_rng(1).normal(size=100_000)) + 1e4
    chosen = downsample(np.arange(100_000, dtype=np.int64), values, 2000)
    assert 1900 <= len(chosen) <= 2000
    # The drawn line stays close to the curve everywhere.
    drawn = np.interp(np.arange(100_000), chosen, values[chosen])
    assert np.abs(drawn - values).max() < 0.05 * np.ptp(values)
