"""What the client really asks for: every method called once, with every argument given."""

from __future__ import annotations

import collections.abc
import inspect
import json
from dataclasses import dataclass, field
from typing import Any

import httpx
from cracktrader import CrackTraderAPI
from cracktrader._settings import API

RUN_ID = "1f3a9c2e-8f0d-4d7e-bb1e-6a0a3f2f9d10"
NOT_REQUESTS = {"aclose", "close", "stream_events", "stream_ticker"}
"""Streams are tested with real servers."""

VALUES: dict[str, Any] = {
    "strategy_params": {"period": 20},
    "exchange_config": {"sandbox": True},
    "params": {"period": 20},
    "space": {"period": [10, 20]},
    "timeframes": ["1h", "4h"],
    "walk_forward": {"in_sample": 500, "out_of_sample": 100, "anchored": True},
    "fixed": {"slow": 50},
    "number": 3,
    "on_progress": None,
    "replay": {"start_date": "2024-01-01", "end_date": "2024-02-01", "speed": 2},
    "symbols": ["BTC/USDT"],
    "steps": ["block"],
    "start_date": "2024-01-01",
    "end_date": "2024-02-01",
    "since": 3,
    "limit": 7,
    "timeout": 5.0,
    "progress": False,
    "to": None,
    "discrepancy_id": 5,
}


@dataclass
class Asked:
    """One request."""

    method: str
    path: str
    query: set[str]
    headers: set[str]
    body: dict[str, Any] = field(default_factory=dict)


def asked(request: httpx.Request) -> Asked:
    body = json.loads(request.content) if request.content else {}
    return Asked(
        request.method.lower(),
        request.url.path.removeprefix(API),
        set(request.url.params),
        set(request.headers),
        body,
    )


def methods(cls: type = CrackTraderAPI) -> dict[str, inspect.Signature]:
    """Public ones that ask for something."""
    return {
        name: inspect.signature(found)
        for name, found in vars(cls).items()
        if inspect.isfunction(found) and not name.startswith("_") and name not in NOT_REQUESTS
    }


def value(name: str, parameter: inspect.Parameter) -> Any:
    """An argument of the parameter's kind."""
    if name in VALUES:
        return VALUES[name]
    hint = str(parameter.annotation)
    if "bool" in hint:
        return True
    if "float" in hint:
        return 0.5
    return RUN_ID if name in ("run_id", "account_id", "sweep_id") else "word"


ANSWER = {"run_id": RUN_ID, "sweep_id": RUN_ID, "status": "completed", "next_cursor": None}


def everything() -> dict[str, list[Asked]]:
    """The requests of each method, called with all its arguments."""
    found: dict[str, list[Asked]] = {}
    requests: list[Asked] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(asked(request))
        return httpx.Response(200, json=ANSWER)

    with CrackTraderAPI("ct_key", transport=httpx.MockTransport(answer)) as api:
        for name, signature in methods().items():
            requests.clear()
            given = {
                word: value(word, parameter)
                for word, parameter in signature.parameters.items()
                if word != "self"
            }
            told = getattr(api, name)(**given)
            if isinstance(told, collections.abc.Iterator):
                list(told)
            found[name] = list(requests)
    return found
