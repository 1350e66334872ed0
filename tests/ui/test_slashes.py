"""Addresses that were typed with a slash at their end."""

from __future__ import annotations

import pytest
from django.test import Client


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("/ui/runs/", "/ui/runs"),
        ("/ui/runs/?mode=paper&q=%2F", "/ui/runs?mode=paper&q=%2F"),
        ("/ui/strategies/Moving%20Average/", "/ui/strategies/Moving%20Average"),
        ("/ui/data//", "/ui/data"),
    ],
)
def test_it_is_left_out(client: Client, typed: str, meant: str) -> None:
    answer = client.get(typed)
    assert (answer.status_code, answer["Location"]) == (302, meant)


@pytest.mark.parametrize(
    "typed",
    [
        "/ui/nothing",
        "/ui/nothing/",
        "/ui/strategies/..%2F..",
        "/ui//example.com/",
        "/ui/runs/nothing/",
    ],
)
def test_what_is_nowhere_is_not_found(client: Client, typed: str) -> None:
    assert client.get(typed).status_code == 404


def test_nothing_that_is_sent_is_sent_elsewhere(client: Client) -> None:
    assert client.post("/ui/new/").status_code == 405
