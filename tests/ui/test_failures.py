"""What a browser is shown where no view could answer."""

from __future__ import annotations

import pytest
from django.test import Client, RequestFactory
from django.views.defaults import bad_request, server_error

from cracktrader_site.ui.failures import no_token

pytestmark = pytest.mark.django_db


def test_an_address_that_does_not_exist_is_a_page_with_a_way_back(client):
    answer = client.get("/ui/nowhere")
    assert answer.status_code == 404
    assert b"There is no such page" in answer.content
    assert b'href="/ui/"' in answer.content


def test_the_root_leads_to_the_desk(client):
    assert client.get("/").headers["Location"] == "/ui/"


def test_a_form_without_its_token_says_to_reload():
    answer = Client(enforce_csrf_checks=True).post("/ui/login", {"username": "x"})
    assert answer.status_code == 403
    assert b"reload it and try again" in answer.content


def test_htmx_without_the_token_is_told_by_a_message():
    request = RequestFactory().post("/ui/", headers={"HX-Request": "true"})
    answer = no_token(request)
    assert answer.status_code == 403
    assert "CSRF_FAILED" in answer.headers["HX-Trigger"]
    assert answer.content == b""


def test_a_fault_and_a_bad_request_have_pages_that_need_nothing():
    request = RequestFactory().get("/ui/")
    assert b"Something broke on our side" in server_error(request).content
    assert b"cannot be answered" in bad_request(request, ValueError()).content


def test_the_api_keeps_its_envelope_where_there_is_no_such_path(client):
    answer = client.get("/api/v1/nowhere")
    assert answer.json()["error"]["code"] == "NOT_FOUND"
