"""The benchmarks with small numbers: they run, and what they tell is there.

With the suite one of them does, and what the others measure by; all with `make test-long`.
"""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bench import api, fanout, grid, machine, results, sweep
from bench.load import closed_loop, open_loop

pytestmark = pytest.mark.process

SMALL = {"timeframe": "1h", "symbols": ["BTC/USDT"], "end_date": "2024-02-01T00:00:00Z"}


class Slow(BaseHTTPRequestHandler):
    """Answers each request a tenth of a second late."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        time.sleep(0.1)
        body = b"{}" if self.path == "/fine" else b""
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *said: object) -> None:
        pass


@pytest.fixture
def slow() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_a_closed_loop_asks_when_it_was_answered(slow: int) -> None:
    assert closed_loop(slow, "/fine", 2, 0.5) <= 20


def test_an_open_loop_counts_the_wait_for_a_connection(slow: int) -> None:
    found = open_loop(slow, ["/fine"], 40, 1, 0.5)["/fine"]
    assert len(found) == 20
    # The twentieth was due after half a second, and its turn came after two.
    assert found[0] >= 0.1
    assert found[-1] >= 1.5


def test_answers_that_are_errors_are_no_figures(slow: int) -> None:
    with pytest.raises(ConnectionError, match="404"):
        closed_loop(slow, "/gone", 1, 0.2)
    # A connection left open would be told of here, as a warning.
    gc.collect()


def test_the_share_is_a_value_that_was_measured() -> None:
    values = [float(n) for n in range(1, 101)]
    assert [machine.share(values, f) for f in (0.5, 0.99, 1.0)] == [50.0, 99.0, 100.0]
    assert machine.share([7.0], 0.99) == 7.0


@pytest.mark.parametrize("trials", [1, 10, 1_000, 100_000])
def test_the_grid_has_as_many_pairs_as_asked_for(trials: int) -> None:
    pairs = grid.pairs(trials)
    assert len(set(pairs)) == trials
    assert all(fast < slow for fast, slow in pairs)
    start, end = grid.window()
    assert (end - start) // (15 * 60_000) == grid.BARS


@pytest.mark.long
def test_requests_are_measured_beside_djangos_own_handler(tmp_path: Path) -> None:
    figures = api.measure(tmp_path / "home", 1, 0.3, 1.0, SMALL)
    assert set(figures.ours) == set(figures.djangos) == set(api.CONNECTIONS)
    for latencies in (figures.idle, figures.busy):
        assert {path: len(taken) for path, taken in latencies.items()} == dict.fromkeys(
            api.READS, 50
        )
    out = tmp_path / "RESULTS.md"
    results.write(out, api.TITLE, api.report(figures))
    assert "p99 while backtests run" in out.read_text()


def test_clients_of_the_fan_out_are_told_everything(tmp_path: Path) -> None:
    figures = fanout.measure(tmp_path / "home", clients=25, rate=20, seconds=1)
    assert figures.astray == 0
    assert len(figures.delays) == 25 * 20
    assert len(figures.last) == 20
    assert 0 < figures.delays[0] < figures.delays[-1]
    assert figures.last[-1] == figures.delays[-1]
    assert "| clients not told everything once and in order | 0 | 0 |" in fanout.report(figures)


def test_a_follower_that_is_not_let_in_says_why() -> None:
    async def refused() -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            loop = asyncio.get_running_loop()
            _, follower = await loop.create_connection(
                lambda: fanout.Follower(port), "127.0.0.1", port
            )
            with pytest.raises(ConnectionError, match="429"):
                await follower.subscribed

    asyncio.run(refused())


@pytest.mark.long
def test_a_sweep_is_measured_and_its_trials_are_their_runs(tmp_path: Path) -> None:
    figures = sweep.measure(tmp_path / "home", trials=12, rounds=1, large=20, peers=False)
    assert set(figures.seconds) == {sweep.API, sweep.ENGINE}
    assert figures.compared == 10
    assert figures.differs <= 1e-9
    assert figures.growth[-1][0] == 1.0
    assert 0 < figures.own < figures.megabytes[sweep.API]
    text = sweep.report(figures)
    assert "| 20 trials |" in text
    assert "nan" not in text
