from __future__ import annotations

import pytest
from django.contrib import admin
from django.urls import path, reverse

from strategies.models import Strategy, StrategyVersion

from .sources import GOOD

urlpatterns = [path("admin/", admin.site.urls)]

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


FILES = {
    "mine.py": GOOD + "# <script>alert(1)</script>\n",
    "bad.py": "raise ValueError('<b>bold</b>')",
}


def page(client, name, *args, **query):
    answer = client.get(reverse(f"admin:strategies_{name}", args=args), query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_strategies_are_listed_with_their_state(admin_client, synced):
    html = page(admin_client, "strategy_changelist")
    assert "MovingAverageCross" in html
    assert "bad.py" in html
    broken = page(admin_client, "strategy_changelist", file="broken")
    assert "bad.py" in broken
    assert "MovingAverageCross" not in broken
    assert "bad.py" not in page(admin_client, "strategy_changelist", file="good")


def test_the_number_of_queries_does_not_grow_with_the_list(
    admin_client, synced, django_assert_max_num_queries
):
    for i in range(30):
        more = Strategy.objects.create(name=f"More{i}", origin="user", available=True)
        more.current = more.versions.create(
            source=GOOD, source_hash=str(i), params_schema={}, defaults={}
        )
        more.save()
    for name in ("strategy_changelist", "strategyversion_changelist"):
        with django_assert_max_num_queries(10):
            page(admin_client, name)


def test_a_strategy_page_shows_source_error_and_versions_inertly(admin_client, synced):
    mine = Strategy.objects.get(name="Mine")
    html = page(admin_client, "strategy_change", mine.pk)
    assert "above = close &gt; sma(close, 10)" in html
    assert "<script>alert(1)" not in html
    assert mine.current.source_hash[:12] in html
    bad = page(admin_client, "strategy_change", Strategy.objects.get(name="bad.py").pk)
    assert "ValueError" in bad
    assert "<b>bold" not in bad
    assert "sma(close, 10)" in page(admin_client, "strategyversion_change", mine.current.pk)


@pytest.mark.parametrize("model", [Strategy, StrategyVersion])
def test_history_is_not_edited(admin_client, synced, model):
    name = model._meta.model_name
    pk = model.objects.first().pk
    before = list(model.objects.values())
    for url in (
        reverse(f"admin:strategies_{name}_add"),
        reverse(f"admin:strategies_{name}_delete", args=[pk]),
        reverse(f"admin:strategies_{name}_change", args=[pk]),
    ):
        assert admin_client.post(url, {"name": "x", "post": "yes"}).status_code == 403
    assert list(model.objects.values()) == before
