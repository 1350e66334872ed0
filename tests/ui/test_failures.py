"""What a browser is shown where no view could answer."""

from __future__ import annotations

import pytest
from django.test import Client, RequestFactory
from django.views.defaults import bad_request, server_error

from cracktrader_site.ui.failures import no_token
from cracktrader_site.wsgi import Utf8Request

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


# --- what no view may see ---------------------------------------------------------------------

OUTLOOK = "/ui/new/outlook?strategy_name=TestStrategy"
CHARSETS = ["nonsense", "utf-9", "latin-1"]


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize(
    ("mode", "dest"), [("no-cors", "image"), ("cors", "empty"), ("navigate", "iframe")]
)
def test_another_sites_page_cannot_have_the_desk_work(client, site, mode, dest):
    sent = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest}
    answer = client.get(OUTLOOK, headers=sent)
    assert answer.status_code == 403
    assert b"FOREIGN_ORIGIN" in answer.content
    by_htmx = client.get(OUTLOOK, headers=sent | {"HX-Request": "true"})
    assert by_htmx.status_code == 403
    assert "FOREIGN_ORIGIN" in by_htmx["HX-Trigger"]


def test_a_link_from_elsewhere_and_the_desks_own_pages_are_answered(client):
    followed = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    for path in ("/ui/", "/ui/login"):
        linked = client.get(path, headers=followed | {"Sec-Fetch-Site": "cross-site"})
        assert linked.status_code == 200
    own = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}
    assert client.get(OUTLOOK, headers=own).status_code == 200


@pytest.mark.parametrize("path", ["/ui/new", "/ui/login", "/admin/login/"])
@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
@pytest.mark.parametrize("charset", CHARSETS)
def test_a_form_in_an_odd_charset_is_refused(path, kind, charset):
    client = Client(enforce_csrf_checks=True)
    sent = client.generic("POST", f"{path}?a=b", b"a=b", content_type=f"{kind}; charset={charset}")
    assert sent.status_code == 415


@pytest.mark.parametrize("url", ["http://[", "http://testserver:x/", "//[", "\\", ""])
def test_an_odd_address_of_the_readers_page_leads_home(client, settings, url):
    settings.AUTH = True
    answer = client.get("/ui/runs", headers={"HX-Request": "true", "HX-Current-URL": url})
    assert answer["HX-Redirect"] == "/ui/login?next=%2Fui%2F"


@pytest.mark.parametrize("charset", ["hex", "rot13", "nonsense", "utf-16"])
def test_no_charset_keeps_a_request_from_being_read(charset):
    environ = RequestFactory().get("/ui/?a=%C3%A4").environ
    environ["CONTENT_TYPE"] = f"text/plain; charset={charset}"
    assert Utf8Request(environ).GET["a"] == "\u00e4"
