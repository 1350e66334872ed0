"""All that a paper run leaves behind, and in what two of them differ."""

from __future__ import annotations

import json
from typing import Any

from tests.desk import Desk

from . import harness
from .harness import Tree, ask

# What happened to the workers, not to the run; and what a venue's outage looked like from here.
APART = {"run.resumed", "run.worker_lost", "data.stale", "data.fresh"}
BOOKED = ("order.", "trade.", "equity", "limit.hit", "flatten.begun", "bar.missing")
_OWN = ("run_id", "start_time", "end_time")

Told = list[tuple[str, dict[str, Any]]]


def told(tree: Tree, run_id: str) -> Told:
    """The run's Events but for what is apart, late marks off; their numbers have no hole."""
    run, last_seq = tree.query(
        "SELECT id, last_seq FROM runs_run WHERE public_id = ?", run_id.replace("-", "")
    )[0]
    rows = tree.query("SELECT seq, kind, data FROM runs_event WHERE run_id = ? ORDER BY seq", run)
    assert [seq for seq, *_ in rows] == list(range(1, last_seq + 1)), run_id
    events = [(kind, json.loads(data)) for _, kind, data in rows if kind not in APART]
    for _, data in events:
        data.pop("late", None)
    return events


def booked(events: Told) -> Told:
    """Those that say what was traded."""
    return [event for event in events if event[0].startswith(BOOKED)]


def left_behind(desk: Desk, tree: Tree, run_id: str) -> dict[str, Any]:
    """By the API and in the database, without what is the run's own: ids and times of day."""
    shown = ask(desk, f"/results?run_id={run_id}")
    # What it has drifted is found out afterwards.
    shown = {name: shown[name] for name in shown.keys() - {*_OWN, "seal", "drift"}}
    key = tree.query("SELECT id FROM runs_run WHERE public_id = ?", run_id.replace("-", ""))[0][0]
    orders = (
        "SELECT order_id, status, symbol, side, purpose, created_ms, number, trade, time_ms,"
        " amount, price, fee, reason FROM runs_order WHERE run_id = ? ORDER BY id"
    )
    files = "SELECT name, sha256, rows FROM runs_artifact WHERE run_id = ? ORDER BY name"
    meanwhile = "SELECT count(*) FROM {} WHERE run_id = ?"
    return {
        **harness.result(desk, run_id),
        "results": shown,
        "order rows": tree.query(orders, key),
        "artifacts": tree.query(files, key),
        "points left": tree.query(meanwhile.format("runs_equitypoint"), key),
        "trades left": tree.query(meanwhile.format("runs_trade"), key),
        "events": told(tree, run_id),
    }


def differences(found: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    """The parts in which they differ, with the first place of each."""
    return [
        f"{name}: {_first(found.get(name), expected.get(name))}"
        for name in sorted(found.keys() | expected.keys())
        if found.get(name) != expected.get(name)
    ]


def _first(found: Any, expected: Any) -> str:
    if isinstance(found, dict) and isinstance(expected, dict):
        return "; ".join(differences(found, expected))
    if isinstance(found, list) and isinstance(expected, list):
        for number, pair in enumerate(zip(found, expected, strict=False)):
            if pair[0] != pair[1]:
                return f"at {number} {pair[0]}, not {pair[1]}"[:400]
        return f"{len(found)} of {len(expected)}"
    return f"{found}, not {expected}"[:400]
