"""Whose address a request comes from, and who can lie about it."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from cracktrader_site import env
from cracktrader_site.addresses import UNKNOWN, client_address, counted_address, is_from_proxy

PROXY = "10.0.0.1"


@pytest.fixture(autouse=True)
def proxies(settings: Any) -> None:
    settings.TRUSTED_PROXIES = [
        ipaddress.ip_network(network) for network in ("10.0.0.0/8", "fd00::/8", "::1")
    ]


def request(peer: str, forwarded: str | None = None) -> HttpRequest:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return RequestFactory().get("/", headers=headers, REMOTE_ADDR=peer)


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.7", None, "203.0.113.7"),
        (PROXY, None, PROXY),
        (PROXY, "", PROXY),
        (PROXY, "203.0.113.7", "203.0.113.7"),
        # Not a proxy of ours: it may say what it likes.
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("203.0.113.7", "10.0.0.1, 127.0.0.1", "203.0.113.7"),
        # What the client itself sent stands before what the proxy added.
        (PROXY, "198.51.100.1, 203.0.113.7", "203.0.113.7"),
        (PROXY, "10.9.9.9, 203.0.113.7", "203.0.113.7"),
        # Proxies in a row.
        (PROXY, "198.51.100.1, 203.0.113.7, 10.0.0.2", "203.0.113.7"),
        (PROXY, "10.0.0.3,10.0.0.2", "10.0.0.3"),
        # With ports, in brackets, of IPv6, and the one in the other's clothes.
        (PROXY, "203.0.113.7:4711", "203.0.113.7"),
        (PROXY, "[2001:db8::1]:4711", "2001:db8::1"),
        (PROXY, "[2001:db8::1]", "2001:db8::1"),
        (PROXY, "2001:DB8:0::1", "2001:db8::1"),
        ("::1", "2001:db8::1", "2001:db8::1"),
        ("fd00::5", "203.0.113.7", "203.0.113.7"),
        (f"::ffff:{PROXY}", "203.0.113.7", "203.0.113.7"),
        (PROXY, "::ffff:203.0.113.7", "203.0.113.7"),
        ("fe80::1%eth0", None, "fe80::1"),
        # Junk: the last address that is known for certain.
        (PROXY, "unknown", PROXY),
        (PROXY, "203.0.113.7, _hidden", PROXY),
        (PROXY, "203.0.113.7, ", PROXY),
        (PROXY, "203.0.113.7:http", PROXY),
        (PROXY, "[203.0.113.7", "203.0.113.7"),
        (PROXY, "[2001:db8::1]junk", PROXY),
        (PROXY, "1.2.3.4.5", PROXY),
        (PROXY, "203.0.113.7\x00", PROXY),
        ("", None, UNKNOWN),
        ("", "203.0.113.7", UNKNOWN),
    ],
)
def test_the_client_is_the_last_one_that_is_no_proxy_of_ours(
    peer: str, forwarded: str | None, client: str
) -> None:
    assert client_address(request(peer, forwarded)) == client


def test_nobody_is_believed_while_there_are_no_proxies(settings: Any) -> None:
    settings.TRUSTED_PROXIES = []
    assert client_address(request("127.0.0.1", "203.0.113.7")) == "127.0.0.1"
    assert not is_from_proxy(request("127.0.0.1"))


def test_proxies_are_addresses_and_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(env, "REGISTRY", {})
    monkeypatch.setenv("PROXIES", " 10.0.0.7, fd00::/8,")
    assert [str(network) for network in env.networks("PROXIES", "")] == ["10.0.0.7/32", "fd00::/8"]
    for wrong in ("proxy.example", "10.0.0.7/8", "10.0.0.0/33"):
        monkeypatch.setenv("PROXIES", wrong)
        with pytest.raises(ImproperlyConfigured):
            env.networks("PROXIES", "")


def test_a_proxy_is_known_by_the_connection_alone() -> None:
    assert is_from_proxy(request(PROXY))
    assert is_from_proxy(request(f"::ffff:{PROXY}"))
    assert not is_from_proxy(request("203.0.113.7", PROXY))
    assert not is_from_proxy(request(""))


def test_a_subscribers_ipv6_addresses_count_as_one() -> None:
    ours = {counted_address(request(f"2001:db8:0:7:{host}::1")) for host in range(50)}
    assert ours == {"2001:db8:0:7::/64"}
    assert counted_address(request("2001:db8:0:8::1")) == "2001:db8:0:8::/64"
    assert counted_address(request("203.0.113.7")) == "203.0.113.7"
    assert counted_address(request("")) == UNKNOWN


@given(st.text(max_size=60))
def test_whatever_is_sent_there_is_an_address(forwarded: str) -> None:
    meta = {"REMOTE_ADDR": PROXY, "HTTP_X_FORWARDED_FOR": forwarded}
    asked = HttpRequest()
    asked.META = meta
    assert ipaddress.ip_address(client_address(asked))


@given(st.text(max_size=60), st.ip_addresses())
def test_a_client_cannot_hide_behind_what_it_says(said: str, real: Any) -> None:
    asked = HttpRequest()
    asked.META = {"REMOTE_ADDR": PROXY, "HTTP_X_FORWARDED_FOR": f"{said}, 203.0.113.7"}
    assert client_address(asked) == "203.0.113.7"
    asked.META = {"REMOTE_ADDR": "203.0.113.7", "HTTP_X_FORWARDED_FOR": f"{said},{real}"}
    assert client_address(asked) == "203.0.113.7"
