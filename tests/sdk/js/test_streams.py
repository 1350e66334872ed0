"""Streams over connections that are lost: every event once, in order, whatever happens."""

from __future__ import annotations

import json
import os
import random
import time
from typing import Any

import psutil
import pytest

from tests.site.streams import LIST, WRITE, Web

from . import package

pytestmark = pytest.mark.process

CUTS = os.environ.get("CRACKTRADER_TEST_SDK_CUTS", "12")
SYMBOLS = ("BTC/USDT", "ETH/USDT")
CHANNELS = {"run": "status", "order": "orders", "trade": "trades", "equity": "equity"}

END = """
for run in Run.objects.filter(public_id__in=sys.argv[1].split(",")):
    with transaction.atomic():
        Run.objects.filter(id=run.id).update(status="completed")
        add(run.id, [("run.completed", {"value": 1.0, "trade_count": 1})])
print("null")
"""

MANY = """
choose = random.Random(7)
add(Run.objects.get(public_id=sys.argv[1]).id,
    [random_event(choose, n) for n in range(int(sys.argv[2]))])
print("null")
"""

BEGIN = """
runs = [make_run(status="running", symbols=["BTC/USDT", "ETH/USDT"])
        for _ in range(int(sys.argv[1]))]
print(json.dumps([str(run.public_id) for run in runs]))
"""


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    with Web(tmp_path_factory.mktemp("js") / "home", CRACKTRADER_WS_HEARTBEAT_SECONDS="1") as web:
        yield web


def recorded(web: Web, *runs: str) -> list[list[Any]]:
    """What a stream of the runs must tell, by run and seq."""
    told = []
    for run, seq, kind in web.tell(LIST):
        if run not in runs:
            continue
        told.append([run, CHANNELS.get(kind.split(".")[0], "logs"), seq, None])
    return told


def follow(web: Web, run: str, cuts: str = CUTS, kind: str = "events", **options: Any) -> Any:
    """A follower that is under way."""
    options = {"seed": random.randrange(1, 2**31 - 1)} | options
    process = package.start("follow.mjs", str(web.port), run, cuts, kind, json.dumps(options))
    assert process.stdout is not None
    assert process.stdout.readline() == "following\n"
    return process


def listens(web: Web) -> None:
    """Waits until the follower's connection is there, and a moment for what it asks of it."""
    assert web.process is not None
    server = psutil.Process(web.process.pid)
    until = time.monotonic() + 60
    # One to PostgreSQL is none of a client's.
    while not any(
        socket.status == psutil.CONN_ESTABLISHED and socket.laddr.port == web.port
        for socket in server.net_connections("tcp")
    ):
        assert time.monotonic() < until
        time.sleep(0.05)
    time.sleep(1)


def write(web: Web, runs: list[str], count: int, pause: float = 0.002) -> None:
    web.tell(WRITE + 'print("null")', ",".join(runs), str(count), str(pause), "3")


def test_over_connections_cut_at_random_every_event_comes_once_in_order_until_the_run_ends(web):
    [run] = web.tell(BEGIN, "1")
    write(web, [run], 150, 0)
    follower = follow(web, run)
    write(web, [run], 250)
    web.tell(END, run)
    answer = package.finished(follower)
    assert answer["told"] == recorded(web, run)
    assert answer["cuts"] >= 3


def test_connections_that_die_without_a_word_are_noticed_by_their_silence(web):
    [run] = web.tell(BEGIN, "1")
    write(web, [run], 100, 0)
    web.tell(END, run)
    follower = follow(web, run, "2", freeze=True, heartbeatTimeout=1_500, seed=4)
    answer = package.finished(follower)
    assert answer["told"] == recorded(web, run)
    assert answer["cuts"] == 2


def test_what_a_slow_reader_has_no_room_for_is_asked_for_later(web):
    [run] = web.tell(BEGIN, "1")
    web.tell(MANY, run, "7000")
    web.tell(END, run)
    # Connections pass the proxy, which counts them, and are not cut.
    answer = package.finished(follow(web, run, "0", nap=2_000, buffer=4_000))
    assert answer["told"] == recorded(web, run)
    assert answer["connections"] > 1


def test_a_stream_begins_where_it_is_told_and_tells_what_is_wanted(web):
    [run] = web.tell(BEGIN, "1")
    write(web, [run], 40, 0)
    web.tell(END, run)
    all_of_it = recorded(web, run)
    middle, end = 7, all_of_it[-1][2]
    rest, nothing, logs = (
        follow(web, run, "0", **options)
        for options in ({"since": middle}, {"since": end}, {"channels": ["logs"]})
    )
    beyond = follow(web, run, "0", since=end + 1)
    assert package.finished(rest)["told"] == [row for row in all_of_it if row[2] > middle]
    assert package.finished(nothing)["told"] == []
    assert package.finished(logs)["told"] == [row for row in all_of_it if row[1] == "logs"]
    assert "INVALID_VALUE" in beyond.communicate(timeout=60)[1]


def test_every_bar_of_every_symbol_comes_once_over_cut_connections(web):
    [run] = web.tell(BEGIN, "1")
    write(web, [run], 300, 0)
    follower = follow(web, run, kind="ticker")
    write(web, [run], 100)
    web.tell(END, run)
    answer = package.finished(follower)
    bars = [row[2] for row in recorded(web, run) if row[1] == "equity"]
    assert answer["told"] == [[run, "ticker", seq, name] for seq in bars for name in SYMBOLS]
    assert answer["cuts"] >= 1


def test_without_a_run_the_bars_of_all_runs_are_told_from_now_on(web):
    runs = web.tell(BEGIN, "2")
    write(web, runs, 60, 0)
    before = recorded(web, *runs)
    follower = follow(web, "", "0", "tickers", count=6)
    listens(web)
    write(web, runs, 60)
    told = package.finished(follower)["told"]
    new = [row for row in recorded(web, *runs) if row not in before and row[1] == "equity"]
    assert len(told) == 6
    assert {channel for _, channel, _, _ in told} == {"ticker"}
    assert {(run, seq) for run, _, seq, _ in told} <= {(run, seq) for run, _, seq, _ in new}
    web.tell(END, ",".join(runs))


def test_a_killed_server_is_waited_for(web):
    [run] = web.tell(BEGIN, "1")
    write(web, [run], 20, 0)
    follower = follow(web, run, "0")
    time.sleep(0.5)
    web.kill()
    write(web, [run], 50, 0)
    web.tell(END, run)
    web.start()
    assert package.finished(follower)["told"] == recorded(web, run)


def test_all_runs_are_followed_over_cut_connections_those_too_that_begin_meanwhile(web):
    old = web.tell(BEGIN, "2")
    write(web, old, 10, 0)
    before = recorded(web, *old)
    # How many there will be is known afterwards: the last is of a run of its own.
    [last] = web.tell(BEGIN, "1")
    follower = follow(web, "", "6", "all", untilRun=last)
    listens(web)
    write(web, old, 150)
    new = web.tell(BEGIN, "1")
    write(web, [*old, *new], 150)
    web.tell(END, ",".join([*old, *new]))
    time.sleep(0.5)
    web.tell(END, last)
    answer = package.finished(follower)
    told = {run: [row for row in answer["told"] if row[0] == run] for run in (*old, *new)}
    for run in new:
        assert told[run] == recorded(web, run)
    for run in old:
        # From when it was connected on, which is somewhere after what was there before.
        rest = [row for row in recorded(web, run) if row not in before]
        assert told[run] == rest[-len(told[run]) :]
        assert len(told[run]) > len(rest) / 2
    assert answer["cuts"] >= 3
