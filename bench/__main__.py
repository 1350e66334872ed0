"""`make bench-speed`: this server beside the bare engine, vectorbt and backtesting.py.

All in one run on one machine, taken in turns, so that the ratios hold when the
machine's speed drifts.  Writes its chapter of bench/RESULTS.md.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from cracktrader_site.supervisor import KEEP_MEMORY
from tests.desk import EXAMPLE, Desk

from . import machine, results
from .contender import Contender

YEAR = ("2024-01-01T00:00:00Z", "2024-12-31T00:00:00Z")
BARS = 525_600
EARLIEST = 0.02
BIG = {
    "strategy_name": "MovingAverageCross",
    "strategy_params": {"fast_period": 10, "slow_period": 30},
    "timeframe": "1m",
    "start_date": YEAR[0],
    "end_date": YEAR[1],
    "fee": 0.001,
}


class Client:
    """One kept connection and no more: a comfortable client would measure itself."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)

    def reconnect(self) -> None:
        """The server ends connections that were idle for some seconds."""
        self._connection.close()
        self._connection.connect()

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        sent = None if body is None else json.dumps(body)
        headers = {} if body is None else {"Content-Type": "application/json"}
        self._connection.request(method, f"/api/v1{path}", sent, headers)
        return json.loads(self._connection.getresponse().read())


def post_to_completed(client: Client, **changes: Any) -> float:
    """Seconds from the POST to the committed result, as a client sees them."""
    client.reconnect()
    began = time.perf_counter()
    run_id = client.ask("POST", "/run/backtest", EXAMPLE | changes)["run_id"]
    # No question before there can be an answer: asking costs the machine, too.
    time.sleep(EARLIEST)
    while True:
        status = client.ask("GET", f"/status?run_id={run_id}")
        if status["status"] == "completed":
            return time.perf_counter() - began
        if status["status"] in ("failed", "stopped"):
            raise SystemExit(f"run {run_id}: {status['error']}")
        time.sleep(0.005)


class Table:
    def __init__(self) -> None:
        self.times: dict[str, list[float]] = {}

    def add(self, name: str, seconds: float) -> None:
        self.times.setdefault(name, []).append(seconds)
        print(f"  {name:<42} {seconds * 1000:9.1f} ms", file=sys.stderr, flush=True)

    def median(self, name: str) -> float:
        return statistics.median(self.times[name])

    def ratio(self, name: str, base: str) -> float:
        """Median of the ratios of runs taken in the same turn."""
        pairs = zip(self.times[name], self.times[base], strict=False)
        return statistics.median(a / b for a, b in pairs)

    def row(self, name: str) -> str:
        taken = self.times[name]
        low, high = min(taken) * 1000, max(taken) * 1000
        middle = self.median(name) * 1000
        return f"| {name} | {middle:.0f} | {low:.0f} to {high:.0f} | {len(taken)} |\n"


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m bench")
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--out", type=Path, default=results.PATH)
    asked = options.parse_args()
    table = Table()
    with tempfile.TemporaryDirectory(prefix="cracktrader-bench-") as folder:
        home = Path(folder)
        # An empty cache: the first backtest is that of a fresh machine.
        caches = {"NUMBA_CACHE_DIR": str(home / "numba")}
        with Desk(home, **caches) as desk:
            client = Client(desk.port)
            table.add("very first backtest after health is ok", post_to_completed(client))
            start_ms = int(datetime.fromisoformat(YEAR[0]).timestamp() * 1000)
            end_ms = start_ms + BARS * 60_000
            for _ in range(3):
                post_to_completed(client, **BIG)
            window = (str(home), str(start_ms), str(end_ms))
            names = {
                "bare engine": "bench.bare",
                "vectorbt script": "bench.plain_vectorbt",
                "backtesting.py": "bench.backtesting_py",
            }
            env = caches | KEEP_MEMORY
            contenders = [Contender(n, module, *window, **env) for n, module in names.items()]
            contenders[0].run()
            contenders[1].run()
            for turn in range(asked.rounds):
                table.add("API, POST to completed", post_to_completed(client, **BIG))
                for contender in contenders:
                    if contender.name != "backtesting.py" or turn == 0:
                        table.add(contender.name, contender.run()[0])
                table.add("API, the reference's example", post_to_completed(client))
            for contender in contenders:
                contender.close()
    results.write(asked.out, "Speed, side by side", report(table))
    print(report(table))


def report(table: Table) -> str:
    api, bare, script = "API, POST to completed", "bare engine", "vectorbt script"
    example, first = "API, the reference's example", "very first backtest after health is ok"
    checks = [
        ("API / bare engine", table.ratio(api, bare), "≤ 2"),
        ("API / vectorbt script", table.ratio(api, script), "≤ 1.5"),
        ("backtesting.py / API", table.median("backtesting.py") / table.median(api), ""),
    ]
    return (
        "Written by `make bench-speed`. Simulated BTC/USDT, MovingAverageCross 10/30, fee 0.1 %, "
        f"{BARS:,} one-minute bars unless said otherwise; warm processes, taken in turns.\n\n"
        + machine.described("vectorbt", "numba", "numpy", "backtesting")
        + "\n\n| what | median ms | min to max | runs |\n| --- | --- | --- | --- |\n"
        + "".join(table.row(name) for name in (api, bare, script, "backtesting.py", example, first))
        + "\n| ratio of medians, turn by turn | value | wanted |\n| --- | --- | --- |\n"
        + "".join(f"| {name} | {value:.2f} | {wanted} |\n" for name, value, wanted in checks)
        + f"| example body, median | {table.median(example) * 1000:.0f} ms | ≤ 300 ms |\n"
        + f"| very first backtest | {table.median(first):.2f} s | ≤ 15 s |\n"
        + "\n*API*: from the POST until the client reads `completed`, results committed. *Bare "
        "engine*: read candles, signals, simulation, all metrics in one warm process, with the "
        "workers' memory settings. *vectorbt "
        "script*: the same candles, `MA.run`, `Portfolio.from_signals(...).stats()`. The example "
        "is the reference's body (1,464 hourly bars) on the simulated venue.\n"
    )


if __name__ == "__main__":
    main()
