"""Alerts: recorded with their events, posted signed, repeated until taken; the secret stays in."""

from __future__ import annotations

import io
import logging
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction
from django.utils import timezone

from cracktrader_site.postgresql.base import held
from exchanges.domain import InvalidInput
from runs import alerts, posting, recorder, signing, webhooks
from runs.models import Delivery, Event, Run, Webhook

from .factory import make_run
from .receiver import Receiver, answer, dribble, garbage, hang, reset

pytestmark = pytest.mark.django_db

STATUS = Delivery.Status


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def paper(db) -> Run:
    return make_run(mode=Run.Mode.PAPER)


def hook(url: str, **fields: Any) -> Webhook:
    return webhooks.add(url, **fields)[0]


def alert(run: Run, kind: str = "run.failed", **data: Any) -> Delivery:
    recorder.append(run.id, kind, data)
    return Delivery.objects.latest("id")


def make_due(delivery: Delivery) -> None:
    Delivery.objects.filter(id=delivery.id).update(due_at=timezone.now())


def kinds_sent(webhook: Webhook) -> list[str]:
    rows = webhook.deliveries.order_by("id")
    return list(rows.values_list("event__kind", flat=True))


# --- what is an alert ------------------------------------------------------------------------


def test_a_webhook_without_a_run_hears_of_stepped_runs_one_with_a_run_of_that_run(receiver):
    paper, other = make_run(mode=Run.Mode.PAPER), make_run(mode=Run.Mode.LIVE)
    backtest = make_run()
    everyone, own = hook(receiver.url), hook(receiver.url, run=backtest)
    for run in (paper, other, backtest):
        recorder.append(run.id, "run.started")
    told = [d.event.run_id for d in everyone.deliveries.order_by("id")]
    assert told == [paper.id, other.id]
    assert [d.event.run_id for d in own.deliveries.all()] == [backtest.id]


def test_each_kind_of_alert_is_told_and_nothing_else(paper, receiver):
    everything, chosen = hook(receiver.url), hook(receiver.url, kinds=["limit.hit"])
    noise = ("run.created", "run.prepared", "order.new", "trade.closed", "equity", "bar.missing")
    for kind in (*noise, *alerts.KINDS):
        recorder.append(paper.id, kind)
    assert kinds_sent(everything) == list(alerts.KINDS)
    assert kinds_sent(chosen) == ["limit.hit"]


def test_a_disabled_webhook_hears_nothing(paper, receiver):
    webhook = hook(receiver.url)
    webhooks.set_enabled(webhook, False)
    recorder.append(paper.id, "run.failed")
    assert not Delivery.objects.exists()


def test_events_that_are_no_alerts_cost_no_query_and_alerts_one_without_a_webhook(
    paper, django_assert_num_queries
):
    events = [Event(run=paper, seq=n, kind=k) for n, k in enumerate(("equity", "order.filled"), 1)]
    with django_assert_num_queries(0):
        alerts.outbox(events)
    with django_assert_num_queries(1):
        alerts.outbox([Event(run=paper, seq=3, kind="run.failed")])


def test_what_is_rolled_back_is_not_told(paper, receiver):
    hook(receiver.url)
    with transaction.atomic():
        recorder.append(paper.id, "run.failed")
        assert Delivery.objects.count() == 1
        transaction.set_rollback(True)
    assert not Delivery.objects.exists()


# --- posting ---------------------------------------------------------------------------------


def test_an_alert_is_posted_signed_and_logged(paper, receiver):
    _, secret = webhooks.add(receiver.url)
    delivery = alert(paper, code="STRATEGY_FAILED", message="no way")
    assert alerts.deliver(delivery.id)
    (post,) = receiver.posts
    assert post.path == "/hook?room=1"
    assert post.headers["content-type"] == "application/json"
    assert abs(int(post.headers["webhook-timestamp"]) - time.time()) < 5
    assert post.id == str(delivery.message_id)
    assert post.signed_by(secret)
    assert not post.signed_by(signing.new_secret()[0])
    assert post.content == {
        "type": "run.failed",
        "timestamp": alerts.moment(delivery.event.created_at),
        "data": {
            "run_id": str(paper.public_id),
            "seq": 1,
            "kind": "run.failed",
            "mode": "paper",
            "strategy_name": "BuyAndHold",
            "exchange": "simulated",
            "symbols": ["BTC/USDT"],
            "timeframe": "1h",
            "code": "STRATEGY_FAILED",
            "message": "no way",
        },
    }
    delivery.refresh_from_db()
    assert (delivery.status, delivery.response_status, delivery.error) == ("delivered", 204, "")
    assert delivery.delivered_at is not None
    assert not alerts.deliver(delivery.id)
    assert len(receiver.posts) == 1


def test_the_check_in_the_documents_is_one_a_receiver_can_use(paper, receiver):
    text = (settings.BASE_DIR / "docs" / "alerts.md").read_text()
    code = text.partition("```python\n")[2].partition("```")[0]
    names: dict[str, Any] = {}
    exec(code, names)
    _, secret = webhooks.add(receiver.url)
    alerts.deliver(alert(paper).id)
    (post,) = receiver.posts
    assert names["is_genuine"](secret, post.headers, post.body)
    assert not names["is_genuine"](secret, post.headers, post.body + b" ")
    late = post.headers | {"webhook-timestamp": "1"}
    assert not names["is_genuine"](secret, late, post.body)


def test_odd_words_of_a_strategy_are_posted_too(paper, receiver):
    _, secret = webhooks.add(receiver.url)
    odd = {"message": "\ud800 \x00 \u202e \r\nX-Evil: 1", "details": {"n": 10**30}}
    assert alerts.deliver(alert(paper, **odd).id)
    (post,) = receiver.posts
    assert post.signed_by(secret)
    if connection.vendor == "postgresql":
        odd["message"] = held(odd["message"])
    assert odd.items() <= post.content["data"].items()


FAULTS = {
    "500": (answer(500), 500, "Answered 500"),
    "400": (answer(400), 400, "Answered 400"),
    "redirect": (answer(302, Location="/elsewhere"), 302, "redirects are not followed"),
    "permanent redirect": (answer(308, Location="/elsewhere"), 308, "not followed"),
    "reset": (reset, None, "Connection reset"),
    "garbage": (garbage, None, "not HTTP"),
    "hang": (hang(3), None, "No answer within 1 s"),
    "dribble": (dribble, None, "No answer within 1 s"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_not_taken_is_sent_again_with_the_same_id(paper, settings, fault):
    settings.WEBHOOK_TIMEOUT = 1
    behaviour, status, error = FAULTS[fault]
    with Receiver(behaviour, answer(200)) as receiver:
        _, secret = webhooks.add(receiver.url)
        delivery = alert(paper)
        began = time.monotonic()
        assert not alerts.deliver(delivery.id)
        assert time.monotonic() - began < 2.9
        delivery.refresh_from_db()
        assert (delivery.status, delivery.attempts) == (STATUS.WAITING, 1)
        assert delivery.response_status == status
        assert error in delivery.error
        assert not alerts.deliver(delivery.id), "not before its pause is over"
        make_due(delivery)
        assert alerts.deliver(delivery.id)
        first, second = receiver.posts
    assert first.id == second.id
    assert first.content == second.content
    assert second.signed_by(secret)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts, delivery.error) == (STATUS.DELIVERED, 2, "")


def test_pauses_grow_until_it_has_failed_and_an_operator_may_try_once_more(paper):
    with Receiver(answer(503)) as receiver:
        hook(receiver.url)
        delivery = alert(paper)
        for pause in alerts.PAUSES:
            before = timezone.now()
            alerts.deliver(delivery.id)
            delivery.refresh_from_db()
            assert before + pause <= delivery.due_at < before + pause + timedelta(seconds=2)
            make_due(delivery)
        alerts.deliver(delivery.id)
        delivery.refresh_from_db()
        assert (delivery.status, delivery.due_at) == (STATUS.FAILED, None)
        assert len(receiver.posts) == len(alerts.PAUSES) + 1
        assert not alerts.deliver(delivery.id)
        receiver.behaviours = [answer(200)]
        assert alerts.retry(Delivery.objects.all()) == 1
        assert alerts.deliver(delivery.id)
        assert {post.id for post in receiver.posts} == {str(delivery.message_id)}


def test_a_receiver_that_is_gone_is_told_nothing_more(paper):
    with Receiver(answer(410)) as receiver:
        webhook = hook(receiver.url)
        first, second = alert(paper), alert(paper)
        alerts.deliver(first.id)
        webhook.refresh_from_db()
        assert not webhook.enabled
        alerts.deliver(second.id)
        assert len(receiver.posts) == 1
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, first.response_status) == (STATUS.FAILED, 410)
    assert (second.status, second.error) == (STATUS.FAILED, "The webhook is disabled")


def test_nobody_listening_and_no_such_host_are_told_in_a_line(paper):
    with Receiver() as receiver:
        closed = receiver.url
    for url, error in ((closed, "Connection refused"), ("http://x.invalid/", "name was not found")):
        hook(url)
        delivery = alert(paper)
        alerts.deliver(delivery.id)
        delivery.refresh_from_db()
        assert error in delivery.error
        assert delivery.status == STATUS.WAITING


def test_a_certificate_nobody_vouches_for_is_not_accepted(tmp_path):
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path))
    with Receiver() as receiver:
        server = receiver._server
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        told = posting.post(receiver.url.replace("http:", "https:"), b"{}", {}, 5)
        assert told.status is None
        assert "certificate was not accepted" in told.error
        assert receiver.posts == []


def self_signed(folder) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = timezone.now()
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1))
    certificate = builder.not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
    path = folder / "pair.pem"
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    path.write_bytes(key.private_bytes(encoding, form, plain) + certificate.public_bytes(encoding))
    return str(path)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://example.org/",
        "file:///etc/passwd",
        "http://",
        "http://user:pass@example.org/",
        "http://@example.org/",
        "http://example.org/#part",
        "http://example.org:99999/",
        "http://example.org:0/",
        "http://[::1/",
        "http://example.org/a b",
        "http://example.org/\r\nX-Evil: 1",
        "http://ex\u00e4mple.org/",
        "http://example.org/" + "x" * 500,
    ],
)
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(InvalidInput) as caught:
        webhooks.add(url)
    assert caught.value.code == "INVALID_URL"
    assert not Webhook.objects.exists()


# --- who sends -------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_of_senders_at_once_one_posts():
    with Receiver(hang(0.3)) as receiver:
        hook(receiver.url)
        delivery = alert(make_run(mode=Run.Mode.PAPER))
        start, outcomes = threading.Barrier(6), []

        def send() -> None:
            start.wait()
            outcomes.append(alerts.deliver(delivery.id))
            connections.close_all()

        threads = [threading.Thread(target=send) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == [False] * 5 + [True]
        assert len(receiver.posts) == 1


def test_a_sender_that_died_is_replaced_and_one_that_comes_late_changes_nothing(paper, receiver):
    hook(receiver.url)
    delivery = alert(paper)
    dead = alerts._claim(delivery.id)
    assert dead is not None
    assert not alerts.deliver(delivery.id), "the claim holds"
    make_due(delivery)
    assert alerts.deliver(delivery.id)
    alerts._fail(dead, posting.Answer(500, "Answered 500"))
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts) == (STATUS.DELIVERED, 2)


@pytest.mark.django_db(transaction=True)
def test_what_is_due_is_sent_in_order_and_a_receiver_that_hangs_holds_up_its_own_only(settings):
    settings.WEBHOOK_TIMEOUT = 60
    run = make_run(mode=Run.Mode.PAPER)
    with Receiver(hang(2)) as slow, Receiver() as quick:
        hook(slow.url)
        hook(quick.url)
        for kind in alerts.KINDS:
            recorder.append(run.id, kind)
        began = time.monotonic()
        alerts.ring_due()
        assert time.monotonic() - began < 1.9
        posts = quick.wait(len(alerts.KINDS))
        seqs = [post.content["data"]["seq"] for post in posts]
        assert seqs == list(range(1, len(alerts.KINDS) + 1))
        for _ in range(20):
            alerts.ring_due()
            time.sleep(0.01)
        slow.behaviours = [answer(200)]
        assert len(slow.wait(len(alerts.KINDS))) == len(alerts.KINDS)
        assert slow.most_at_once == 1
        settle()
    assert not Delivery.objects.exclude(status=STATUS.DELIVERED).exists()


@pytest.mark.django_db(transaction=True)
def test_no_more_senders_than_allowed_and_every_webhook_gets_its_turn(monkeypatch):
    monkeypatch.setattr(alerts, "SENDERS", 2)
    run = make_run(mode=Run.Mode.PAPER)
    with Receiver(hang(0.2)) as receiver:
        for _ in range(5):
            hook(receiver.url)
        recorder.append(run.id, "run.started")
        alerts.ring_due()
        until = time.monotonic() + 60
        while len(receiver.posts) < 5 and time.monotonic() < until:
            alerts.ring_due()
            time.sleep(0.02)
        settle()
        assert len({post.id for post in receiver.posts}) == len(receiver.posts) == 5
        assert receiver.most_at_once == 2


def settle() -> None:
    """Until no thread sends any more: the database is about to be emptied."""
    until = time.monotonic() + 60
    while alerts._sending and time.monotonic() < until:
        time.sleep(0.01)
    assert not alerts._sending


def test_with_nothing_due_the_ticker_is_asked_for_one_query(paper, django_assert_num_queries):
    hook("http://127.0.0.1:9/")
    later = timezone.now() + timedelta(minutes=1)
    delivery = alert(paper)
    Delivery.objects.filter(id=delivery.id).update(due_at=later)
    with django_assert_num_queries(1):
        alerts.ring_due()


# --- the secret ------------------------------------------------------------------------------


def test_a_changed_secret_key_is_told_and_breaks_nothing(paper, receiver, settings, client, root):
    webhook = hook(receiver.url)
    delivery = alert(paper)
    settings.SECRET_KEY = "another key altogether, as long as one should be 0123456789"
    assert not alerts.deliver(delivery.id)
    delivery.refresh_from_db()
    assert delivery.status == STATUS.FAILED
    assert "SECRET_KEY has changed" in delivery.error
    assert "SECRET_KEY has changed" in webhooks.send_test(webhook).error
    with pytest.raises(CommandError, match="SECRET_KEY has changed"):
        command("test", str(webhook.id))
    assert "secret unreadable" in command("list")
    client.force_login(root)
    page = client.get(f"/admin/runs/webhook/{webhook.id}/change/")
    assert "SECRET_KEY has changed" in page.content.decode()
    assert receiver.posts == []


@pytest.mark.django_db(transaction=True)
def test_the_secret_is_shown_once_and_found_nowhere_after(client, root, receiver, caplog):
    caplog.set_level(logging.DEBUG)
    paper = make_run(mode=Run.Mode.PAPER)
    client.force_login(root)
    body = {"name": "desk", "url": receiver.url, "kinds": [], "enabled": "on"}
    added = client.post("/admin/runs/webhook/add/", body)
    assert added.status_code == 200
    assert "no-store" in added["Cache-Control"]
    shown = added.content.decode().partition("whsec_")[2].partition("<")[0]
    assert len(shown) == 44
    needles = {shown, shown.rstrip("=")}
    webhook = Webhook.objects.get()
    key = signing._open(webhook.sealed_secret)
    needles |= {key.hex(), repr(key)[2:-1]}
    alert(paper)
    client.post("/admin/runs/webhook/", {"action": "test", "_selected_action": [webhook.id]})
    delivery = Delivery.objects.get()
    alerts.deliver(delivery.id)
    assert all(post.signed_by(f"whsec_{shown}") for post in receiver.posts)
    assert len(receiver.posts) == 2
    # Nothing says it again: pages, messages, cookies, history, API, logs, posts, tables.
    said = [caplog.text, repr(webhook), str(vars(webhook)), command("list"), repr(client.cookies)]
    for path in ("webhook/", f"webhook/{webhook.id}/change/", "delivery/", "event/"):
        said.append(client.get(f"/admin/runs/{path}").content.decode())
    said.append(client.get(f"/admin/runs/delivery/{delivery.id}/change/").content.decode())
    said.append(client.get(f"/admin/runs/run/{paper.id}/change/").content.decode())
    said.append(client.get(f"/api/v1/runs/{paper.public_id}").content.decode())
    said.append(str(list(LogEntry.objects.values())))
    said += [str(post) for post in receiver.posts]
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            rows = cursor.fetchall()
            assert key not in [cell for row in rows for cell in row]
            said.append(str(rows))
    for needle in needles:
        assert [text[:200] for text in said if needle in text] == []


def test_two_webhooks_have_two_secrets_and_one_secret_is_sealed_anew_each_time(receiver):
    one, two = (webhooks.add(receiver.url)[1] for _ in range(2))
    assert one != two
    sealed = [bytes(w.sealed_secret) for w in Webhook.objects.all()]
    assert len(set(sealed)) == 2


# --- the admin -------------------------------------------------------------------------------


@pytest.fixture
def root(django_user_model, db):
    return django_user_model.objects.create_superuser("root")


def test_a_webhook_is_added_changed_disabled_and_deleted_in_the_admin(client, root, paper):
    client.force_login(root)
    base = "/admin/runs/webhook/"
    assert client.get(f"{base}add/").status_code == 200
    body = {"name": "n8n", "url": "http://n8n:5678/webhook/x", "kinds": ["run.failed"]}
    body |= {"enabled": "on", "run": str(paper.pk)}
    client.post(f"{base}add/", body)
    webhook = Webhook.objects.get()
    assert (webhook.run, webhook.kinds, webhook.enabled) == (paper, ["run.failed"], True)
    sealed = bytes(webhook.sealed_secret)
    listed = client.get(base).content.decode()
    assert "n8n:5678" in listed
    assert "/webhook/x" not in listed
    assert f"/admin/runs/run/{paper.pk}/change/" in listed
    page = f"{base}{webhook.pk}/change/"
    assert "http://n8n:5678/webhook/x" in client.get(page).content.decode()
    changed = client.post(page, body | {"name": "other", "kinds": [], "run": ""})
    assert changed.status_code == 302
    webhook.refresh_from_db()
    assert (webhook.name, webhook.kinds, webhook.run) == ("other", [], None)
    assert bytes(webhook.sealed_secret) == sealed
    for action, enabled in (("disable", False), ("enable", True)):
        client.post(base, {"action": action, "_selected_action": [webhook.pk]})
        webhook.refresh_from_db()
        assert webhook.enabled is enabled
    alert(paper)
    assert client.get(f"{base}{webhook.pk}/delete/").status_code == 200
    client.post(f"{base}{webhook.pk}/delete/", {"post": "yes"})
    assert not Webhook.objects.exists()
    assert not Delivery.objects.exists()
    assert Event.objects.exists()


def test_the_admin_refuses_a_bad_address_and_an_unknown_kind(client, root):
    client.force_login(root)
    body = {"name": "x", "url": "http://u:p@h/", "kinds": ["equity"], "enabled": "on"}
    answered = client.post("/admin/runs/webhook/add/", body)
    assert answered.status_code == 200
    assert set(answered.context["adminform"].form.errors) == {"url", "kinds"}
    assert not Webhook.objects.exists()


def test_deliveries_are_a_log_to_read_whose_failed_ones_can_be_sent_again(client, root, paper):
    client.force_login(root)
    with Receiver(answer(500)) as receiver:
        hook(receiver.url)
        delivery = alert(paper)
        alerts.deliver(delivery.id)
    Delivery.objects.update(status=STATUS.FAILED, due_at=None)
    base = "/admin/runs/delivery/"
    assert "Answered 500" in client.get(f"{base}?status__exact=failed").content.decode()
    assert client.get(f"{base}?status__exact=delivered").context["cl"].result_count == 0
    page = client.get(f"{base}{delivery.pk}/change/").content.decode()
    assert str(delivery.message_id) in page
    assert 'name="_save"' not in page
    assert client.get(f"{base}add/").status_code == 403
    client.post(base, {"action": "retry", "_selected_action": [delivery.pk]})
    delivery.refresh_from_db()
    assert delivery.status == STATUS.WAITING
    assert delivery.due_at <= timezone.now()


def test_who_may_only_look_neither_tests_nor_retries_nor_adds(
    client, django_user_model, paper, receiver
):
    webhook = hook(receiver.url)
    delivery = alert(paper)
    Delivery.objects.update(status=STATUS.FAILED)
    viewer = django_user_model.objects.create_user("viewer", is_staff=True)
    names = ("view_webhook", "view_delivery")
    viewer.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(viewer)
    for model, action, row in (("webhook", "test", webhook), ("delivery", "retry", delivery)):
        base = f"/admin/runs/{model}/"
        assert client.get(base).status_code == 200
        assert client.get(f"{base}{row.pk}/change/").status_code == 200
        client.post(base, {"action": action, "_selected_action": [row.pk]})
    assert client.get("/admin/runs/webhook/add/").status_code == 403
    assert receiver.posts == []
    delivery.refresh_from_db()
    assert delivery.status == STATUS.FAILED


def test_the_lists_take_few_queries_whatever_their_length(
    client, root, paper, receiver, django_assert_max_num_queries
):
    client.force_login(root)
    for _ in range(10):
        hook(receiver.url, run=paper)
    for _ in range(3):
        alert(paper)
    for model in ("webhook", "delivery"):
        with django_assert_max_num_queries(10):
            client.get(f"/admin/runs/{model}/")


# --- the command -----------------------------------------------------------------------------


def command(*args: str) -> str:
    out = io.StringIO()
    call_command("webhook", *args, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_the_command_adds_lists_tests_disables_enables_and_removes(paper, receiver):
    prefix = str(paper.public_id)[:8]
    secret = command(
        "add", receiver.url, "--run", prefix, "--name", "desk", "--kinds", "limit.hit", "data.stale"
    ).strip()
    webhook = Webhook.objects.get()
    assert (webhook.run, webhook.name) == (paper, "desk")
    assert webhook.kinds == ["limit.hit", "data.stale"]
    listed = command("list")
    assert prefix in listed
    assert "enabled" in listed
    assert "room=1" not in listed
    key = str(webhook.id)
    assert "204" in command("test", key)
    (post,) = receiver.posts
    assert post.signed_by(secret)
    assert post.content["type"] == "test"
    assert uuid.UUID(post.id)
    command("disable", key)
    assert "disabled" in command("list")
    command("enable", key)
    assert Webhook.objects.get().enabled
    receiver.behaviours = [answer(403)]
    with pytest.raises(CommandError, match="Answered 403"):
        command("test", key)
    command("remove", key)
    assert not Webhook.objects.exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("add", "ftp://x/"), "INVALID_URL"),
        (("add", "http://x/", "--run", "abcdef"), "RUN_NOT_FOUND"),
        (("add", "http://x/", "--kinds", "equity"), "invalid choice"),
        (("add", "http://x/", "--name", "n" * 81), "INVALID_VALUE"),
        (("test", "77"), "no webhook 77"),
        (("remove", "77"), "no webhook 77"),
    ],
)
def test_the_command_tells_what_is_wrong_in_a_line(args, message):
    with pytest.raises(CommandError, match=message):
        command(*args)
    assert not Webhook.objects.exists()
