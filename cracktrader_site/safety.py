"""Settings that leave a desk open: what makes them so, and what to set instead.

`serve` and every other way in refuse to start while one of these rules is
broken; `manage.py check --deploy` says the same sentences.  Commands such as
`kill` go on working.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from exchanges import sealing

# Django's own idea of a key that somebody thought up (security.W009), but for its letters:
# 50 random decimal digits go from one to the next and on in some 40 ways, other keys in more.
_SHORTEST_SECRET = 50
_FEWEST_STEPS = 30
_MADE_BY_STARTPROJECT = "django-insecure-"

# A network of more addresses than these is no proxy's.
_WIDEST = {4: 8, 6: 16}
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Place:
    """Where the web server listens, and whether only this machine can connect to it."""

    host: str
    is_local: bool

    @property
    def is_public(self) -> bool:
        """Whether others can come, by themselves or through a proxy with TLS."""
        return not self.is_local or settings.SECURE_PROXY


Rule = Callable[[Place], str | None]
_RULES: dict[str, Rule] = {}


def broken(place: Place) -> Iterator[tuple[str, str]]:
    """The id and the sentence of each rule that the settings break."""
    for name, rule in _RULES.items():
        sentence = rule(place)
        if sentence:
            yield name, sentence


def _rule(name: str) -> Callable[[Rule], Rule]:
    def register(rule: Rule) -> Rule:
        _RULES[name] = rule
        return rule

    return register


# --- who is let in ---------------------------------------------------------------------------


@_rule("E001")
def _others_without_keys(place: Place) -> str | None:
    if place.is_local or settings.AUTH:
        return None
    return (
        f"HOST={place.host} would let other machines in, and authentication is off: set "
        "CRACKTRADER_AUTH=1. Or set HOST=127.0.0.1, and reach it through an SSH tunnel or an "
        "authenticating proxy on this machine."
    )


@_rule("E002")
def _proxy_without_keys(place: Place) -> str | None:
    if not (place.is_local and settings.SECURE_PROXY) or settings.AUTH or settings.PROXY_AUTH:
        return None
    return (
        "CRACKTRADER_BEHIND_TLS serves others, and authentication is off: set CRACKTRADER_AUTH=1, "
        "or CRACKTRADER_PROXY_AUTH=1 where the proxy itself asks everybody who they are."
    )


@_rule("E003")
def _debug(place: Place) -> str | None:
    if not (place.is_public and settings.DEBUG):
        return None
    return "Others are served, and CRACKTRADER_DEBUG is on: unset it; its pages show the inside."


@_rule("E004")
def _guessable_secret(place: Place) -> str | None:
    if not place.is_public or _is_random(settings.SECRET_KEY):
        return None
    return (
        "Others are served, and CRACKTRADER_SECRET_KEY is not random: unset it, and one is "
        "generated."
    )


@_rule("E005")
def _plain_http(place: Place) -> str | None:
    if place.is_local or not settings.AUTH or settings.SECURE_PROXY or settings.ALLOW_PLAIN_HTTP:
        return None
    return (
        f"HOST={place.host} would send keys and passwords over the network in plain HTTP: put a "
        "proxy with TLS in front and set CRACKTRADER_BEHIND_TLS=1, or set "
        "CRACKTRADER_ALLOW_PLAIN_HTTP=1 where the network is one you trust."
    )


@_rule("E006")
def _no_limit(place: Place) -> str | None:
    if not place.is_public or settings.RATE_LIMIT:
        return None
    return (
        "Others are served, and CRACKTRADER_RATE_LIMIT=0 sets them no limit: unset it, or raise it."
    )


# --- names and origins -----------------------------------------------------------------------


@_rule("E007")
def _any_host(place: Place) -> str | None:
    if not any("*" in name for name in settings.ALLOWED_HOSTS):
        return None
    return (
        "CRACKTRADER_ALLOWED_HOSTS holds a *, so any site could have its name point here (DNS "
        "rebinding): list the names people type, e.g. desk.example."
    )


@_rule("E018")
def _hosts_of_anybody(place: Place) -> str | None:
    for name in settings.ALLOWED_HOSTS:
        if name.startswith(".") and "." not in name.strip("."):
            return (
                f"CRACKTRADER_ALLOWED_HOSTS holds {name!r}, so any site below it could have its "
                "name point here (DNS rebinding): list the names people type, e.g. desk.example."
            )
    return None


@_rule("E008")
def _foreign_pages(place: Place) -> str | None:
    return _wrong_origin("CRACKTRADER_CORS_ORIGINS", settings.CORS_ALLOWED_ORIGINS)


@_rule("E009")
def _trusted_origins(place: Place) -> str | None:
    return _wrong_origin("CRACKTRADER_TRUSTED_ORIGINS", settings.CSRF_TRUSTED_ORIGINS)


def _wrong_origin(name: str, origins: list[str]) -> str | None:
    for origin in origins:
        if not _is_origin(origin):
            return (
                f"{name} holds {_without_password(origin)!r}, which is no origin: list each as "
                "scheme, name and port if any, e.g. https://desk.example, without a path and "
                "without a *."
            )
        parts = urlsplit(origin)
        if settings.SECURE_PROXY and parts.scheme == "http" and parts.hostname not in _LOCAL_NAMES:
            return (
                f"{name} holds {origin!r}, whose pages anybody on the way can alter, while "
                "CRACKTRADER_BEHIND_TLS is on: give it as https://."
            )
    return None


def _without_password(origin: str) -> str:
    _, at, after = origin.rpartition("@")
    return f"…@{after}" if at else origin


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not host or "*" in host or "@" in parts.netloc:
        return False
    return text == f"{parts.scheme}://{parts.netloc}"


@_rule("E017")
def _foreign_pages_without_keys(place: Place) -> str | None:
    if settings.AUTH or not settings.CORS_ALLOWED_ORIGINS:
        return None
    return (
        "CRACKTRADER_CORS_ORIGINS lets other sites' pages in with a key, and authentication is "
        "off: set CRACKTRADER_AUTH=1."
    )


# --- proxies ---------------------------------------------------------------------------------


@_rule("E010")
def _believes_everybody(place: Place) -> str | None:
    for network in settings.TRUSTED_PROXIES:
        if network.prefixlen < _WIDEST[network.version]:
            return (
                f"CRACKTRADER_TRUSTED_PROXIES holds {network}, so anybody could claim any address: "
                "name the proxies alone."
            )
    return None


@_rule("E011")
def _unnamed_proxy(place: Place) -> str | None:
    if place.is_local or not settings.SECURE_PROXY or settings.TRUSTED_PROXIES:
        return None
    return (
        f"CRACKTRADER_BEHIND_TLS is on and HOST={place.host} lets others come past the proxy: name "
        "the proxy in CRACKTRADER_TRUSTED_PROXIES, so that only it is believed to have served "
        "HTTPS, or set HOST=127.0.0.1."
    )


# --- money -----------------------------------------------------------------------------------


@_rule("E012")
def _live_without_keys(place: Place) -> str | None:
    if not settings.LIVE_TRADING or settings.AUTH:
        return None
    return "CRACKTRADER_LIVE_TRADING is on, and authentication is off: set CRACKTRADER_AUTH=1."


@_rule("E013")
def _live_without_encryption(place: Place) -> str | None:
    keys = settings.CREDENTIALS_KEY
    if not settings.LIVE_TRADING or (keys and all(map(sealing.is_key, keys))):
        return None
    return (
        "CRACKTRADER_LIVE_TRADING is on, and venue credentials could not be encrypted: set "
        "CRACKTRADER_CREDENTIALS_KEY to what `manage.py credentials new-key` prints."
    )


@_rule("E014")
def _live_rehearsal(place: Place) -> str | None:
    if not (settings.LIVE_TRADING and settings.REHEARSAL_CLOCK):
        return None
    return (
        "CRACKTRADER_LIVE_TRADING is on while CRACKTRADER_CLOCK shows another time: real orders "
        "go by the real clock; unset one of them."
    )


# --- files -----------------------------------------------------------------------------------


@_rule("E015")
def _open_home(place: Place) -> str | None:
    home = settings.CRACKTRADER_HOME
    if not (place.is_public or settings.LIVE_TRADING) or not _is_open_to_others(home):
        return None
    return (
        f"CRACKTRADER_HOME={home} is open to everybody on this machine, with its database and "
        f"secret key: chmod 700 {home}"
    )


@_rule("E016")
def _open_secret(place: Place) -> str | None:
    file = settings.CRACKTRADER_HOME / "secret_key"
    if not file.exists() or not file.stat().st_mode & 0o077:
        return None
    return f"{file} can be read by others than its owner: chmod 600 {file}"


def _is_open_to_others(path: Path) -> bool:
    """Whether users who neither own it nor share its group can get into it."""
    if not path.stat().st_mode & 0o007:
        return False
    return all(parent.stat().st_mode & 0o001 for parent in path.resolve().parents)


def _is_random(key: str) -> bool:
    """Whether it may be; repetitions, rows of neighbours and few letters are not."""
    codes = [ord(letter) for letter in key]
    steps = [after - before for before, after in pairwise(codes)]
    return (
        len(key) >= _SHORTEST_SECRET
        and len(set(pairwise(steps))) >= _FEWEST_STEPS
        and not key.startswith(_MADE_BY_STARTPROJECT)
    )
