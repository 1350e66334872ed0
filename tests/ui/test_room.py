"""What takes long leaves room for others."""

from __future__ import annotations

import pytest
from django.urls import reverse

from cracktrader_site.ui.forms import outlook
from exchanges.places import Places
from strategies import services
from tests.runs.factory import make_run
from tests.ui.prepared import prepared_desk  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module", autouse=True)
def prepared(prepared_desk):  # noqa: F811
    """Strategies and venues, for all tests of the module."""


def test_the_files_are_read_for_one_page_at_a_time(client):
    with services._syncs:
        answer = client.post(reverse("ui:strategies_sync"))
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    assert b"read already" in answer.content
    assert client.post(reverse("ui:strategies_sync")).status_code == 302


def test_forms_are_looked_at_a_few_at_a_time(client, monkeypatch):
    monkeypatch.setattr(outlook, "_outlooks", Places(1, "Others are looked at"))
    form = {"strategy_name": "BuyAndHold", "start_date": "2024-01-01", "end_date": "2024-02-01"}
    with outlook._outlooks:
        answer = client.get(reverse("ui:new_outlook"), form)
    assert answer.status_code == 200
    assert "Others are looked at; try again" in answer.content.decode()
    assert "try again" not in client.get(reverse("ui:new_outlook"), form).content.decode()


def test_a_run_of_a_strategy_that_can_have_no_page_has_one_itself(client):
    for name in ("../x", "a/b", ""):
        run = make_run(status="completed", strategy_name=name)
        answer = client.get(reverse("ui:run", args=[run.public_id]))
        assert answer.status_code == 200
