from __future__ import annotations

import base64
import io
import json
import logging
import subprocess
import sys

import pytest
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.core.signals import got_request_exception
from django.views.debug import ExceptionReporter
from django.views.decorators.debug import sensitive_variables

from cracktrader_site.api.models import AuditEntry
from exchanges import adapters, sealing
from exchanges.domain import CracktraderError
from exchanges.models import Credential, Exchange
from exchanges.services import accounts, credentials
from runs.models import Run, VenueOrder
from tests.exchanges.signing_in import (
    KEYS,
    OTHER,
    around_hits,
    canaries,
    fails,
    hits,
    make_exchange,
    run,
    set_keys,
    whole_database,
)
from tests.exchanges.test_startup import ROOT, loaded_after
from tests.runs.factory import make_run

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def keys(settings) -> list[str]:
    return set_keys(settings)


@pytest.fixture
def binance():
    return make_exchange()


@pytest.fixture
def staff(client):
    client.force_login(User.objects.create_superuser("root", password="x"))
    return client


def refused(code: str, call, *arguments, **named) -> CracktraderError:
    with pytest.raises(CracktraderError) as caught:
        call(*arguments, **named)
    assert caught.value.code == code
    return caught.value


# --- sealing ---------------------------------------------------------------------------------


def test_what_is_sealed_comes_back_and_is_not_to_be_read():
    sealed = sealing.seal(KEYS)
    assert sealing.unseal(sealed) == KEYS
    assert not hits(sealed.decode(), KEYS)
    assert sealing.seal(KEYS) != sealed


def test_without_a_key_nothing_is_sealed_and_the_answer_says_how_to_make_one(settings):
    settings.CREDENTIALS_KEY = []
    error = refused("CREDENTIALS_KEY_MISSING", sealing.seal, KEYS)
    assert (error.status, "credentials new-key" in error.message) == (403, True)


def test_a_key_that_is_none_is_found_by_the_check_and_not_repeated(settings, keys):
    settings.CREDENTIALS_KEY = [*keys, "correct horse battery staple"]
    (found,) = [m for m in run_checks() if m.id == "exchanges.E001"]
    assert "Key 2 of 2" in found.msg
    assert "horse" not in found.msg + found.hint
    assert "horse" not in refused("CREDENTIALS_KEY_MISSING", sealing.seal, KEYS).message
    settings.CREDENTIALS_KEY = keys
    assert not [m for m in run_checks() if m.id == "exchanges.E001"]


def test_another_key_reads_nothing(settings):
    sealed = sealing.seal(KEYS)
    set_keys(settings)
    refused("CREDENTIALS_UNREADABLE", sealing.unseal, sealed)
    refused("CREDENTIALS_UNREADABLE", sealing.reseal, sealed)
    settings.CREDENTIALS_KEY = []
    refused("CREDENTIALS_UNREADABLE", sealing.unseal, sealed)


def test_the_secret_key_has_no_part_in_it(settings, binance):
    sealed, known = sealing.seal(KEYS), credentials.account_fingerprint(binance, KEYS)
    settings.SECRET_KEY = "another"
    assert sealing.unseal(sealed) == KEYS
    assert credentials.account_fingerprint(binance, KEYS) == known


def test_starting_up_and_checking_do_not_load_cryptography():
    code = "import django\ndjango.setup()\nimport exchanges.admin\n"
    code += "from django.core.checks import run_checks\nrun_checks()"
    assert "cryptography.fernet" not in loaded_after(code)


# --- fingerprints ----------------------------------------------------------------------------


def test_a_fingerprint_is_the_same_on_every_machine_and_tells_accounts_apart(binance):
    known = credentials.fingerprint("binance", "an-api-key")
    assert known == "3e129c7668b4745eb0b3fd92237df80ef7ee1b88416f832e59642829b0e4bb20"
    assert credentials.account_fingerprint(binance, KEYS) == known
    assert credentials.account_fingerprint(binance, KEYS | {"secret": "new"}) == known
    assert credentials.account_fingerprint(binance, OTHER) != known
    assert credentials.fingerprint("kraken", "an-api-key") != known
    assert credentials.fingerprint("binancea", "n-api-key") != credentials.fingerprint(
        "binance", "an-api-key"
    )


def test_an_account_without_an_api_key_goes_by_its_wallet_and_never_by_its_password(binance):
    wallet = {"walletAddress": "0xabc", "privateKey": "p"}
    assert credentials.account_fingerprint(binance, wallet) == credentials.fingerprint(
        "binance", "0xabc"
    )
    binance.credentials = ["password"]
    refused("CREDENTIALS_MISSING", credentials.check_values, binance, {"password": "p"})


# --- values ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"apiKey": "k"}, "CREDENTIALS_MISSING"),
        ({}, "CREDENTIALS_MISSING"),
        (KEYS | {"hostname": "evil.example"}, "EXCHANGE_CONFIG_KEY_NOT_ALLOWED"),
        (KEYS | {"verbose": True}, "EXCHANGE_CONFIG_KEY_NOT_ALLOWED"),
        (KEYS | {"sandbox": "x"}, "EXCHANGE_CONFIG_KEY_NOT_ALLOWED"),
        (KEYS | {"uid": 123456789}, "INVALID_TYPE"),
        (KEYS | {"uid": None}, "INVALID_TYPE"),
        (KEYS | {"secret": ["v4lue"]}, "INVALID_TYPE"),
        (KEYS | {"secret": ""}, "INVALID_VALUE"),
        (KEYS | {"secret": "   "}, "INVALID_VALUE"),
        (KEYS | {"secret": "v4lue\n"}, "INVALID_VALUE"),
        (KEYS | {"apiKey": "v4lue\r\nX-Header: 1"}, "INVALID_VALUE"),
        (KEYS | {"secret": "v4lue\0"}, "INVALID_VALUE"),
        (KEYS | {"secret": "v4lue\ud800"}, "INVALID_VALUE"),
        (KEYS | {"secret": "v4lue" * 820}, "INVALID_VALUE"),
    ],
)
def test_values_that_cannot_sign_in_are_refused_and_not_repeated(binance, values, code):
    error = refused(code, credentials.check_values, binance, values)
    told = json.dumps([error.message, error.details])
    assert not any(word in told for word in ("v4lue", "evil", "123456789", *KEYS.values()))
    if code == "CREDENTIALS_MISSING":
        assert error.details["required"] == ["apiKey", "secret"]


def test_values_that_can_sign_in_pass(binance):
    credentials.check_values(binance, KEYS)
    credentials.check_values(binance, KEYS | {"password": "with spaces and ü", "uid": "1"})
    credentials.check_values(binance, KEYS | {"secret": "s" * 4096})
    pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQ\n-----END PRIVATE KEY-----\n"
    credentials.check_values(binance, KEYS | {"secret": pem})


@pytest.mark.parametrize("needed", [[], ["apiKey", "secret", "accountId"]])
def test_a_venue_nobody_can_sign_in_to_from_here_is_said_to_be_one(binance, needed):
    binance.credentials = needed
    values = {} if not needed else KEYS
    error = refused("CREDENTIALS_MISSING", credentials.check_values, binance, values)
    assert "cannot be signed in to" in error.message


# --- adding, removing, rotating --------------------------------------------------------------


def test_a_credential_is_kept_under_its_name_and_in_the_audit_trail(binance):
    added = credentials.add("main", binance, KEYS, True, "admin:root")
    assert credentials.keys(credentials.find("main")).values == KEYS
    assert (added.exchange, added.sandbox, added.created_by) == (binance, True, "admin:root")
    (entry,) = AuditEntry.objects.all()
    assert (entry.who, entry.action, entry.target) == ("admin:root", "credential.added", "main")
    assert entry.detail == {"exchange": "binance", "sandbox": True}


def test_a_name_is_given_once_and_a_sandbox_only_where_there_is_one(binance):
    credentials.add("main", binance, KEYS, False, "x")
    refused("CREDENTIAL_EXISTS", credentials.add, "main", binance, OTHER, False, "x")
    for name in ("", "a b", "<b>", "../x", "x" * 81, "a\n"):
        refused("INVALID_CREDENTIAL_NAME", credentials.add, name, binance, KEYS, False, "x")
    kraken = make_exchange("kraken", sandbox=False)
    error = refused("SANDBOX_UNSUPPORTED", credentials.add, "k", kraken, KEYS, True, "x")
    assert error.details["exchanges_with_sandbox"] == ["binance"]
    assert Credential.objects.count() == 1


def test_a_credential_no_account_knows_is_deleted(binance):
    credentials.add("main", binance, KEYS, False, "x")
    credentials.remove("main", "root")
    assert not Credential.objects.exists()
    assert AuditEntry.objects.first().action == "credential.removed"
    error = refused("UNKNOWN_CREDENTIAL", credentials.remove, "main", "root")
    assert error.details == {"credentials": []}


def test_one_that_a_run_or_a_stop_left_behind_needs_is_not_removed(binance):
    credentials.add("main", binance, KEYS, False, "x")
    account = accounts.open_account(binance, False, credential_name="main")
    active = make_run(mode=Run.Mode.LIVE, exchange=binance, account=account)
    error = refused("CREDENTIAL_IN_USE", credentials.remove, "main", "root")
    assert error.details == {"accounts": [str(account.public_id)]}

    Run.objects.filter(pk=active.pk).update(finished_at=active.created_at)
    order = VenueOrder.objects.create(
        account=account, run=active, order_id="1", client_id="c", symbol="BTC/USDT", side="sell",
        type="stop_loss", purpose="stop_loss", created_ms=0,
    )  # fmt: skip
    refused("CREDENTIAL_IN_USE", credentials.remove, "main", "root")

    VenueOrder.objects.filter(pk=order.pk).update(finished_at=active.created_at)
    credentials.remove("main", "root")
    (left,) = Credential.objects.all()
    assert (left.name, bytes(left.sealed), credentials.state(left)) == ("", b"", "removed")
    refused("CREDENTIALS_UNREADABLE", accounts.venue_account, account)
    again = accounts.open_account(binance, False, KEYS)
    assert again == account
    assert credentials.keys(again.credential).values == KEYS


def test_after_a_rotation_the_old_key_is_needed_no_more(settings, binance, keys):
    for name, values in (("main", KEYS), ("other", OTHER)):
        credentials.add(name, binance, values, False, "x")
    fingerprints = list(Credential.objects.values_list("fingerprint", flat=True))
    (new,) = set_keys(settings)
    set_keys(settings, new, *keys)
    assert credentials.rotate("root") == (2, [])
    set_keys(settings, new)
    assert credentials.keys(credentials.find("main")).values == KEYS
    assert credentials.keys(credentials.find("other")).values == OTHER
    assert list(Credential.objects.values_list("fingerprint", flat=True)) == fingerprints
    set_keys(settings, *keys)
    refused("CREDENTIALS_UNREADABLE", credentials.keys, credentials.find("main"))


def test_a_rotation_names_what_it_cannot_read_and_leaves_it(settings, binance, keys):
    lost = credentials.add("lost", binance, KEYS, False, "x")
    (new,) = set_keys(settings)
    credentials.add("main", binance, OTHER, False, "x")
    assert credentials.rotate("root") == (1, [f"lost ({lost.pk})"])
    set_keys(settings, new, *keys)
    assert credentials.keys(credentials.find("lost")).values == KEYS


def test_a_rotation_that_breaks_halfway_has_changed_nothing(settings, binance, keys, monkeypatch):
    for name, values in (("main", KEYS), ("other", OTHER)):
        credentials.add(name, binance, values, False, "x")
    before = list(Credential.objects.values_list("sealed", flat=True))
    done = []

    def breaks(sealed: bytes) -> bytes:
        if done:
            raise RuntimeError("power cut")
        done.append(sealed)
        return b"half"

    monkeypatch.setattr(sealing, "reseal", breaks)
    with pytest.raises(RuntimeError):
        credentials.rotate("root")
    assert list(Credential.objects.values_list("sealed", flat=True)) == before


# --- commands --------------------------------------------------------------------------------


def test_the_command_makes_a_key_that_is_one(settings):
    key = run("credentials", "new-key").strip()
    set_keys(settings, key)
    assert not [m for m in run_checks() if m.id == "exchanges.E001"]
    assert sealing.unseal(sealing.seal(KEYS)) == KEYS


def test_the_command_reads_values_from_the_environment(binance, monkeypatch):
    for name, value in {"APIKEY": "k", "SECRET": "s", "PASSWORD": ""}.items():
        monkeypatch.setenv(f"MY_{name}", value)
    text = run("credentials", "add", "main", "--exchange", "binance", "--from-env", "MY")
    assert "main: apiKey, secret of binance" in text
    assert credentials.keys(credentials.find("main")).values == {"apiKey": "k", "secret": "s"}


def test_the_command_reads_a_json_object_from_stdin(binance, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(KEYS)))
    run("credentials", "add", "main", "--exchange", "binance", "--sandbox")
    assert credentials.find("main").sandbox
    for text in ("", "[]", "apiKey=v4lue", '{"apiKey": "v4lue"'):
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        told = fails("credentials", "add", "more", "--exchange", "binance")
        assert 'Expected a JSON object on stdin: {"apiKey": "…", "secret": "…"}' in told


def test_the_command_asks_on_a_terminal_for_what_the_venue_needs(binance, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    asked = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return f"typed {prompt}"

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", answer)
    run("credentials", "add", "main", "--exchange", "binance")
    assert asked == ["apiKey: ", "secret: "]
    assert credentials.keys(credentials.find("main")).values["secret"] == "typed secret: "


def test_the_command_lists_removes_and_rotates(settings, binance, keys):
    assert "no credentials" in run("credentials", "list")
    credentials.add("main", binance, KEYS, True, "root")
    assert "main" in run("credentials", "list")
    assert "readable" in run("credentials", "list")
    assert run("credentials", "rotate").startswith("1 encrypted")
    set_keys(settings)
    assert "unreadable" in run("credentials", "list")
    assert "No key fits main" in fails("credentials", "rotate")
    run("credentials", "remove", "main")
    assert "UNKNOWN_CREDENTIAL" in fails("credentials", "remove", "main")


def test_the_command_refuses_before_anybody_has_typed_a_secret(settings, binance, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    add = ("credentials", "add", "main", "--exchange")
    assert "UNKNOWN_EXCHANGE" in fails(*add, "nowhere")
    make_exchange("boxless", sandbox=False)
    assert "SANDBOX_UNSUPPORTED" in fails(*add, "boxless", "--sandbox")
    assert "INVALID_CREDENTIAL_NAME" in fails("credentials", "add", "a b", "--exchange", "binance")
    settings.CREDENTIALS_KEY = []
    assert "CREDENTIALS_KEY_MISSING" in fails(*add, "binance")


def test_a_bad_key_stops_the_server_before_it_starts(tmp_path):
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={
            "PATH": "",
            "CRACKTRADER_HOME": str(tmp_path),
            "CRACKTRADER_CREDENTIALS_KEY": "horse",
        },
    )
    assert done.returncode != 0
    assert "exchanges.E001" in done.stderr
    assert "horse" not in done.stdout + done.stderr


# --- admin -----------------------------------------------------------------------------------

PATH = "/admin/exchanges/credential/"


def test_the_admin_adds_one_and_shows_nothing_of_it(staff, binance):
    assert staff.get(f"{PATH}add/").content.count(b'type="password"') == 7
    form = {"name": "main", "exchange": binance.pk, "sandbox": "on", **KEYS}
    assert staff.post(f"{PATH}add/", form).status_code == 302
    added = credentials.find("main")
    assert credentials.keys(added).values == KEYS
    assert (added.sandbox, added.created_by) == (True, "admin:root")
    entry = AuditEntry.objects.get(action="credential.added")
    assert entry.who == "admin:root"
    for path in (PATH, f"{PATH}{added.pk}/change/", f"{PATH}{added.pk}/delete/"):
        page = staff.get(path)
        assert page.status_code == 200
        assert "main" in page.content.decode()
        assert not hits(page.content.decode(), KEYS)
        assert added.sealed.decode() not in page.content.decode()
    assert staff.post(f"{PATH}{added.pk}/change/", form).status_code == 403


def test_the_admin_says_what_is_wrong_and_sends_nothing_back(settings, staff, binance):
    kraken = make_exchange("kraken", sandbox=False)

    def told(**fields) -> str:
        form = {"name": "main", "exchange": binance.pk, **KEYS, **fields}
        page = staff.post(f"{PATH}add/", form)
        assert page.status_code == 200
        assert not hits(page.content.decode(), KEYS)
        return str(page.context["adminform"].form.errors)

    assert "binance needs apiKey, secret" in told(secret="")
    assert "has no sandbox" in told(exchange=kraken.pk, sandbox="on")
    assert "cannot name a credential" in told(name="a b")
    assert "printable characters" in told(secret="a\0b") + told(secret="a\x07b")
    settings.CREDENTIALS_KEY = []
    assert "CRACKTRADER_CREDENTIALS_KEY is not set" in told()
    assert not Credential.objects.exists()


def test_the_admin_deletes_what_nothing_needs(staff, binance):
    credentials.add("main", binance, KEYS, False, "x")
    account = accounts.open_account(binance, False, credential_name="main")
    active = make_run(mode=Run.Mode.LIVE, exchange=binance, account=account)
    path = f"{PATH}{account.credential_id}/delete/"
    staff.post(path, {"post": "yes"})
    assert credentials.find("main")
    Run.objects.filter(pk=active.pk).update(finished_at=active.created_at)
    assert staff.post(path, {"post": "yes"}).status_code == 302
    assert credentials.state(Credential.objects.get()) == "removed"
    other = credentials.add("other", binance, OTHER, False, "x")
    chosen = {"action": "delete_selected", "_selected_action": [other.pk], "post": "yes"}
    assert staff.post(PATH, chosen).status_code == 302
    assert not Credential.objects.filter(pk=other.pk).exists()


# --- canaries --------------------------------------------------------------------------------


def test_a_canary_that_is_there_is_found():
    values = canaries()
    for name, value in values.items():
        for text in (value, json.dumps({"a": value}), repr({"a": value})):
            assert name in hits(f"before {text} after", values)
    basic = base64.b64encode(f"user:{values['apiKey']}:x".encode()).decode()
    assert "apiKey" in hits(basic, values)


def test_no_value_gets_out_whatever_goes_wrong(
    settings, staff, binance, keys, caplog, capsys, monkeypatch
):
    values, told = canaries(), []
    Exchange.objects.filter(pk=binance.pk).update(base_url="http://127.0.0.1:9")
    caplog.set_level(logging.DEBUG)

    def keep(*texts: str) -> None:
        told.extend(texts)

    def report(call, *arguments, **named) -> None:
        """What a crash would mail and show."""
        with pytest.raises(Exception) as caught:
            call(*arguments, **named)
        # Without this frame, which has what it called with.
        reporter = ExceptionReporter(None, caught.type, caught.value, caught.tb.tb_next)
        logging.getLogger("crash").error("crashed", exc_info=caught.value)
        keep(reporter.get_traceback_html(), reporter.get_traceback_text(), str(caught.value))

    @sensitive_variables()
    def crashes(*_: object, **__: object) -> None:
        raise RuntimeError("forced")

    for key, value in values.items():
        monkeypatch.setenv(f"CANARY_{key.upper()}", value)
    add = ("credentials", "add", "main", "--exchange", "binance", "--from-env", "CANARY")
    keep(run(*add, verbosity=3), run("credentials", "list"))
    report(run, *add)
    (new,) = set_keys(settings)
    set_keys(settings, new, *keys)
    keep(run("credentials", "rotate"))

    account = accounts.open_account(binance, False, credential_name="main", by="root")
    make_run(mode=Run.Mode.LIVE, exchange=binance, account=account)
    config = accounts.parse_exchange_config(values)
    keep(repr(config), str(config), repr(accounts.redacted(config, account)))
    account = accounts.open_account(binance, False, values | {"uid": "u"}, by="root", tried=True)
    report(accounts.open_account, binance, False, values)
    report(accounts.try_out, binance, False, values)
    keep(repr(credentials.keys(account.credential)), run("accounts"))
    report(accounts.open_account, binance, False, values | {"hostname": "x"})
    report(accounts.open_account, binance, False, values | {"uid": "\n"})
    report(accounts.open_account, make_exchange("kraken", sandbox=False), True, values)
    report(accounts.open_account, binance, False, values, "main")

    unsealable = {**values, "bytes": b"x"}
    report(sealing.seal, unsealable)
    report(credentials.keep, Credential(exchange=binance, name="more"), unsealable, "x")
    with monkeypatch.context() as broken:
        broken.setattr(adapters, "venue_account", crashes, raising=False)
        report(accounts.venue_account, account)
    with monkeypatch.context() as unreachable:
        unreachable.setattr(settings, "ORDER_TIMEOUT", 1.0)
        venue = accounts.venue_account(account)
        for asked in (venue.balances, venue.permissions, venue.open_orders):
            report(asked)
        keep(repr(venue))
    for module, name in (
        (sealing, "_box"),
        (credentials, "fingerprint"),
        (credentials.audit, "record"),
        (credentials, "check_values"),
        (Credential, "save"),
    ):
        with monkeypatch.context() as broken:
            broken.setattr(module, name, crashes)
            report(accounts.open_account, binance, True, values)
            report(credentials.add, "more", binance, values, False, "x")
            report(run, *(word if word != "main" else "more" for word in add))

            def shown(sender: object, request: object, **_: object) -> None:
                reporter = ExceptionReporter(request, *sys.exc_info())
                keep(reporter.get_traceback_html(), reporter.get_traceback_text())

            got_request_exception.connect(shown)
            staff.raise_request_exception = False
            form = {"name": "more", "exchange": binance.pk, **values}
            before = len(told)
            answer = staff.post(f"{PATH}add/", form)
            got_request_exception.disconnect(shown)
            assert answer.status_code == 500 or module is sealing
            assert len(told) > before or module is sealing
            keep(answer.content.decode())

    for wrong in ({"secret": ""}, {"name": "a b"}, {"exchange": ""}, {"secret": "\0"}):
        form = {"name": "more", "exchange": binance.pk, **values, **wrong}
        keep(staff.post(f"{PATH}add/", form).content.decode())
    form = {"name": "more", "exchange": binance.pk, "sandbox": "on", **values}
    answer = staff.post(f"{PATH}add/", form, follow=True)
    assert answer.status_code == 200
    keep(answer.content.decode(), str(staff.cookies))
    for row in Credential.objects.all():
        keep(staff.get(f"{PATH}{row.pk}/change/").content.decode())
        keep(staff.get(f"{PATH}{row.pk}/delete/").content.decode(), repr(row), str(vars(row)))
    for path in (PATH, "/admin/", f"/admin/exchanges/account/{account.pk}/change/"):
        keep(staff.get(path).content.decode())
    report(credentials.remove, "main-", "root")
    run("credentials", "remove", "more")
    set_keys(settings)
    report(accounts.venue_account, account)

    keep(whole_database(), caplog.text, *capsys.readouterr())
    assert sum(map(len, told)) > 100_000
    found = [where for text in told for where in around_hits(text, values)]
    assert found == []
