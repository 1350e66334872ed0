"""Sweeps as an operator sees them, and stops them."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from runs.models import Sweep

from .finished import prepare_desk
from .sweeping import finished, start

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(client: Client) -> Client:
    prepare_desk()
    client.force_login(User.objects.create_superuser("op"))
    return client


def test_sweeps_are_listed_and_shown(operator: Client) -> None:
    sweep = finished()
    page = operator.get(reverse("admin:runs_sweep_changelist"))
    assert "12 of 12" in page.text
    assert str(sweep.public_id)[:8] in page.text
    found = operator.get(reverse("admin:runs_sweep_changelist"), {"q": str(sweep.public_id)[:8]})
    assert "12 of 12" in found.text
    assert "12 of 12" not in operator.get(found.request["PATH_INFO"], {"q": "00000000"}).text
    page = operator.get(reverse("admin:runs_sweep_change", args=[sweep.pk]))
    assert f"/ui/sweeps/{sweep.public_id}" in page.text
    assert "fast_period" in page.text


def test_an_active_sweep_can_be_stopped_and_nothing_else_be_done(operator: Client) -> None:
    sweep = start()
    chosen = {"action": "stop", "_selected_action": [sweep.pk]}
    assert operator.post(reverse("admin:runs_sweep_changelist"), chosen).status_code == 302
    sweep.refresh_from_db()
    assert sweep.status == Sweep.Status.STOPPING
    assert operator.get(reverse("admin:runs_sweep_delete", args=[sweep.pk])).status_code == 403
