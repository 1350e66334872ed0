"""A run's page as tests ask for it."""

from __future__ import annotations

from html import unescape
from typing import Any

from django.test import Client
from django.urls import reverse

from runs.models import Run


def page(client: Client, run: Run, query: str = "") -> str:
    answer = client.get(f"/ui/runs/{run.public_id}{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def ask(client: Client, run: Run, name: str, **query: Any) -> Any:
    path = reverse(f"ui:run_{name}", args=[run.public_id])
    return client.get(path, query, headers={"HX-Request": "true"})


def part(client: Client, run: Run, name: str, **query: Any) -> str:
    answer = ask(client, run, name, **query)
    assert answer.status_code == 200, name
    return unescape(answer.content.decode())
