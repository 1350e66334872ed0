"""What an account's client may send, and what leaves a trace of it."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import ccxt  # noqa: TID251
import requests

CONNECT_SECONDS = 5.0
_QUERY = re.compile(r"\?\S*")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Wire(requests.Session):
    """One try for each request, to known servers only, followed nowhere else.

    `before`, if set, is called right before a request leaves and may raise;
    `after`, when an answer has come.  `sent`: something may have left since
    `reset`; `answer`: the last whole answer since.
    """

    def __init__(self, timeout: float, hosts: frozenset[str]) -> None:
        super().__init__()
        self._limits = (min(CONNECT_SECONDS, timeout), timeout)
        self._hosts = hosts
        # Without it a .netrc would overwrite what signs the request.
        self.auth = _as_it_is
        self.before: Callable[[], None] | None = None
        self.after: Callable[[], None] | None = None
        self.sent = False
        self.answer: Answer | None = None

    def reset(self) -> None:
        self.before = self.after = None
        self.sent, self.answer = False, None

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        if urlsplit(url).netloc not in self._hosts:
            raise ccxt.NotSupported("the request was for a server that is not this account's")
        if self.before is not None:
            self.before()
        kwargs |= {"timeout": self._limits, "allow_redirects": False}
        self.answer, self.sent = None, True
        response = super().request(method, url, *args, **kwargs)
        self.answer = Answer(response.status_code, response.headers)
        if self.after is not None:
            self.after()
        return response


def hosts_of(api: Any) -> frozenset[str]:
    """The servers that the client's addresses name now."""
    found: set[str] = set()

    def collect(value: Any) -> None:
        if isinstance(value, dict):
            for inner in value.values():
                collect(inner)
        elif isinstance(value, list):
            for inner in value:
                collect(inner)
        elif isinstance(value, str):
            found.add(urlsplit(api.implode_hostname(value)).netloc)

    collect(api.urls["api"])
    return frozenset(found - {""})


def silence(api: Any) -> None:
    """ccxt's own log lines hold keys and signatures: nobody can switch them on."""
    api.verbose = False
    logger = logging.Logger("silent")
    logger.disabled = True
    api.logger = logger
    hush_addresses()


def hush_addresses() -> None:
    """What urllib3 logs of an address ends before its query, where signatures are."""
    for name in ("urllib3.connectionpool", "urllib3.util.retry"):
        logger = logging.getLogger(name)
        if not any(isinstance(known, _NoQueries) for known in logger.filters):
            logger.addFilter(_NoQueries())


class _NoQueries(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = _QUERY.sub("?…", record.getMessage()), ()
        return True


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
