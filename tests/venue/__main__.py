"""`python -m tests.venue --port 0 --seed 7`: prints its URL and serves until terminated."""

from __future__ import annotations

import argparse
import signal
import sys
import threading

from exchanges.clock import parse_clock

from .market import SpotMarket
from .server import VenueServer


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.venue", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--symbols", default="BTC/USDT,ETH/USDT", help="separated by commas")
    parser.add_argument("--clock", default="", help="as in REHEARSAL_CLOCK; empty: the wall's")
    parser.add_argument("--sandbox", action="store_true", help="this is a sandbox")
    parser.add_argument("--until-eof", action="store_true", help="ends when its input does")
    options = parser.parse_args()
    market = SpotMarket(tuple(options.symbols.split(",")))
    market.clock = parse_clock(options.clock)
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    server = VenueServer(market, sandbox=options.sandbox, seed=options.seed, port=options.port)
    with server as venue:
        print(venue.url, flush=True)
        if options.until_eof:
            threading.Thread(target=_wait_for_eof, args=(done,), daemon=True).start()
        done.wait()


def _wait_for_eof(done: threading.Event) -> None:
    sys.stdin.read()
    done.set()


if __name__ == "__main__":
    main()
