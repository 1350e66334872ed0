"""Where the server is and who asks: given, or from the environment."""

from __future__ import annotations

import ipaddress
import logging
import os
from collections.abc import Generator
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import httpx

DEFAULT_URL = "http://127.0.0.1:8000"
API = "/api/v1"

logger = logging.getLogger("cracktrader")


class Secret:
    """A key that shows itself to nobody who only looks."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return "<key>"

    def reveal(self) -> str:
        return self._text


@dataclass(frozen=True, slots=True)
class Settings:
    root: str
    """The server's address without `/api/v1` and without a slash at its end."""
    key: Secret | None
    is_local: bool
    """On this machine: never asked through a proxy."""

    @property
    def api(self) -> str:
        return self.root + API

    @property
    def websocket(self) -> str:
        return "ws" + self.root.removeprefix("http") + "/ws"

    def headers(self) -> dict[str, str]:
        return {} if self.key is None else {"Authorization": f"Bearer {self.key.reveal()}"}


class Bearer(httpx.Auth):
    """Puts the key on requests where no frame of this package has it in a variable."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers.update(self._settings.headers())
        yield request


def resolve(api_key: str | None, base_url: str | None) -> Settings:
    """Arguments before environment before defaults.  Raises ValueError."""
    root = _root(base_url or os.environ.get("CRACKTRADER_URL") or DEFAULT_URL)
    key = (api_key or os.environ.get("CRACKTRADER_API_KEY") or "").strip()
    if not (key.isascii() and (key.isprintable() and " " not in key)):
        raise ValueError("An API key is printable ASCII without spaces")
    if "://" in key:
        raise ValueError("An address is given as base_url; this one stands where the key belongs")
    return Settings(root, Secret(key) if key else None, _is_local(root))


def _root(url: str) -> str:
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"base_url must be such as {DEFAULT_URL}")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("base_url has neither credentials nor a query")
    path = parts.path.rstrip("/").removesuffix(API).rstrip("/")
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def _is_local(root: str) -> bool:
    host = urlsplit(root).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
