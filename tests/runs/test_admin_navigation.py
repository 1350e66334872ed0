"""The admin's sidebar, and what holds for every list behind it."""

from __future__ import annotations

import re

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.test import Client, RequestFactory
from django.urls import reverse

from cracktrader_site.navigation import sidebar
from tests.runs.factory import make_run

pytestmark = pytest.mark.django_db

MODELS = list(admin.site._registry)
HISTORY = {
    *("runs.run", "runs.sweep", "runs.order", "runs.event", "runs.artifact", "runs.venueorder"),
    *("runs.execution", "runs.discrepancy", "runs.delivery", "runs.heartbeat"),
    *("exchanges.candleseries", "exchanges.download", "exchanges.feed", "exchanges.revision"),
    *("strategies.strategy", "strategies.strategyversion", "api.auditentry"),
    *("django_q.ormq", "django_q.failure"),
}


def groups_of(user: User) -> dict[str, list[str]]:
    request = RequestFactory().get("/admin/")
    request.user = user
    return {group["title"]: [item["link"] for item in group["items"]] for group in sidebar(request)}


def signed_in(*permissions: str) -> Client:
    user = User.objects.create_user("ann", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def test_the_sidebar_leads_to_every_record_there_is_and_back_to_the_desk(admin_client, admin_user):
    links = [link for group in groups_of(admin_user).values() for link in group]
    assert len(links) == len(set(links))
    for model in MODELS:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
        assert reverse(name) in links, name
    assert links[0] == "/ui/"
    text = admin_client.get(reverse("admin:index")).content.decode()
    for link in links:
        assert f'href="{link}"' in text


def test_who_may_see_little_is_shown_little(db):
    client = signed_in("view_run")
    text = client.get(reverse("admin:index")).content.decode()
    assert reverse("admin:runs_run_changelist") in text
    for name in ("api_apikey", "auth_user", "exchanges_credential", "runs_venueorder"):
        assert reverse(f"admin:{name}_changelist") not in text
    assert list(groups_of(User.objects.get())) == ["", "Runs"]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label_lower)
def test_a_list_takes_bounded_queries(model, admin_client, django_assert_max_num_queries):
    for _ in range(3):
        make_run()
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
    with django_assert_max_num_queries(14):
        assert admin_client.get(reverse(name)).status_code == 200


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label_lower)
def test_history_is_looked_at_and_not_edited(model, rf, admin_user):
    request = rf.get("/admin/")
    request.user = admin_user
    shown = admin.site._registry[model]
    changes = {
        "add": shown.has_add_permission(request),
        "change": shown.has_change_permission(request),
        "delete": shown.has_delete_permission(request),
    }
    assert any(changes.values()) is (model._meta.label_lower not in HISTORY), changes


def test_one_page_of_the_sidebar_is_the_current_one(admin_user):
    request = RequestFactory().get("/admin/")
    request.user = admin_user
    for group in sidebar(request):
        for item in group["items"]:
            there = RequestFactory().get(item["link"])
            there.user = admin_user
            active = [
                other["link"]
                for found in sidebar(there)
                for other in found["items"]
                if other["active"]
            ]
            assert active == [item["link"]]


def test_accounts_lead_to_their_kill_switches(admin_client):
    page = reverse("admin:exchanges_account_changelist")
    text = admin_client.get(page).content.decode()
    found = re.search(r'href="([^"]*to-kill-switches[^"]*)"', text)
    assert found
    answer = admin_client.get(found[1], follow=True)
    assert answer.status_code == 200
    assert "<h1>Kill switches</h1>" in answer.content.decode()
