"""GET /metrics: this process and the whole desk, as Prometheus reads them.

The desk's figures are read from the database when they are asked for
(`runs.gauges`), so that one web process tells of all machines; requests and
WebSocket connections are those of the process that answers.
"""

from __future__ import annotations

import hmac
import logging
import re
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from functools import cache
from threading import Lock

from django.conf import settings
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.debug import sensitive_variables
from prometheus_client import CollectorRegistry, ProcessCollector, exposition
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from rest_framework.exceptions import APIException

from exchanges.domain import CracktraderError
from runs import gauges
from runs.streaming import traffic

from .api import errors
from .api.authentication import bearer, caller
from .api.middleware import refusal
from .api.permissions import require_any
from .api.renderers import OrjsonRenderer
from .api.throttling.counting import refused_handshake

logger = logging.getLogger(__name__)

PREFIX = "cracktrader_"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Upper ends of the latencies that requests are sorted by."""
_METHODS = frozenset({"GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "PATCH"})


class Requests:
    """Counts by method, route and class of status; bounded, for routes are those of `urls`."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._latencies: dict[tuple[str, str, str], list[float]] = {}
        self._throttled = 0

    def note(self, method: str, route: str, status: int, seconds: float) -> None:
        key = (method if method in _METHODS else "other", route, f"{status // 100}xx")
        place = bisect_left(SECONDS, seconds)
        with self._lock:
            # How many fell into each bucket, and the sum of their seconds.
            found = self._latencies.get(key)
            if found is None:
                found = self._latencies[key] = [0.0] * (len(SECONDS) + 2)
            found[place] += 1
            found[-1] += seconds
            self._throttled += status == 429

    def collect(self) -> Iterator[Metric]:
        with self._lock:
            latencies = {key: list(found) for key, found in self._latencies.items()}
            throttled = self._throttled
        times = HistogramMetricFamily(
            f"{PREFIX}http_request_seconds",
            "Requests answered by this process, by what Django took for them.",
            labels=("method", "route", "status"),
        )
        for key, (*counts, total) in latencies.items():
            buckets, so_far = [], 0.0
            for end, count in zip((*map(str, SECONDS), "+Inf"), counts, strict=True):
                so_far += count
                buckets.append((end, so_far))
            times.add_metric(key, buckets, total)
        yield times
        yield CounterMetricFamily(
            f"{PREFIX}http_throttled", "Of these, requests answered 429.", throttled
        )


class Sockets:
    """The WebSocket connections of this process."""

    def collect(self) -> Iterator[Metric]:
        from .sockets import hub

        name = f"{PREFIX}websocket_"
        yield GaugeMetricFamily(f"{name}connections", "Connections served.", hub.connected)
        yield CounterMetricFamily(f"{name}events", "Events read for them.", traffic.TRAFFIC.events)
        yield CounterMetricFamily(f"{name}messages", "Messages sent.", traffic.TRAFFIC.messages)
        yield CounterMetricFamily(
            f"{name}lag_seconds",
            "Sum over these events of the time from their commit's row to their connections.",
            traffic.TRAFFIC.lag_seconds,
        )


class Desk:
    """What `runs.gauges` reads; `cracktrader_database_up` is 0 where that cannot be."""

    def collect(self) -> Iterator[Metric]:
        began = time.monotonic()
        found, up = [], 1
        try:
            found = list(gauges.read())
        except (Error, OSError) as error:
            logger.warning("metrics of the desk cannot be read: %s", type(error).__name__)
            connection.close()
            up = 0
        yield GaugeMetricFamily(f"{PREFIX}database_up", "Whether the database answers.", up)
        for gauge in found:
            family = GaugeMetricFamily(PREFIX + gauge.name, gauge.help, labels=gauge.labels)
            for labels, value in gauge.samples.items():
                family.add_metric(labels, value)
            yield family
        seconds = time.monotonic() - began
        yield GaugeMetricFamily(f"{PREFIX}scrape_seconds", "What reading these took.", seconds)


REQUESTS = Requests()
REGISTRY = CollectorRegistry()
# Described by what they collect, which needs the database: not at the start.
for _collector in (REQUESTS, Sockets(), Desk()):
    REGISTRY.register(_collector)
ProcessCollector(namespace="cracktrader", registry=REGISTRY)


class Counting:
    """The outermost middleware: each request that reaches Django, with its time."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        response = self.get_response(request)
        match = request.resolver_match
        route = "other" if match is None else _readable(match.route)
        seconds = time.perf_counter() - began
        REQUESTS.note(str(request.method), route, response.status_code, seconds)
        return response


@cache
def _readable(route: str) -> str:
    """`api/v1/runs/<run_id>`, however the pattern of `urls` is written."""
    named = re.sub(r"<\w+:(\w+)>", r"<\1>", route)
    return re.sub(r"\(\?P(<\w+>)[^()]*\)", r"\1", named).strip("^$")


def view(request: HttpRequest) -> HttpResponse:
    refused = refusal(request) or _refusal(request)
    if refused is not None:
        return refused
    if request.method not in ("GET", "HEAD"):
        return HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
    encode, content_type = exposition.choose_encoder(request.headers.get("Accept", ""))
    headers = {"Cache-Control": "no-store"}
    return HttpResponse(encode(REGISTRY), content_type=content_type, headers=headers)


@sensitive_variables()
def _refusal(request: HttpRequest) -> HttpResponse | None:
    """With authentication, for whoever has neither the token nor a key with the scope read."""
    if not settings.AUTH:
        return None
    presented, token = bearer(request), settings.METRICS_TOKEN
    if token and hmac.compare_digest(presented.encode(), token.encode()):
        return None
    try:
        require_any(caller(presented), ("read",))
    except (APIException, CracktraderError) as error:
        answer = errors.answer(refused_handshake(error, request))
        headers = {n: v for n, v in answer.items() if n != "Content-Type"}
        body = OrjsonRenderer().render(answer.data)
        return HttpResponse(body, "application/json", answer.status_code, headers=headers)
    return None
