from __future__ import annotations

import threading
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from cracktrader_site.api.models import AuditEntry
from exchanges import adapters
from exchanges.domain import CracktraderError
from exchanges.models import Account, Credential, OrderSlot
from exchanges.services import accounts, credentials
from exchanges.trading import Keys
from tests.exchanges.signing_in import KEYS, OTHER, fails, make_exchange, run, set_keys

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def keys(settings) -> list[str]:
    return set_keys(settings)


@pytest.fixture
def binance():
    return make_exchange()


def refused(code: str, call, *arguments, **named) -> CracktraderError:
    with pytest.raises(CracktraderError) as caught:
        call(*arguments, **named)
    assert caught.value.code == code
    return caught.value


def signed_in_with(account: Account) -> dict[str, str]:
    return credentials.keys(Credential.objects.get(accounts=account)).values


# --- exchange_config -------------------------------------------------------------------------


def test_exchange_config_is_taken_apart():
    parse = accounts.parse_exchange_config
    assert parse({}) == ({}, "", False)
    assert parse({**KEYS, "sandbox": True}) == (KEYS, "", True)
    assert parse({"credential": "main", "options": {"defaultType": "spot"}}) == ({}, "main", False)


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"sandbox": "false"}, "INVALID_TYPE"),
        ({"sandbox": 0}, "INVALID_TYPE"),
        ({"sandbox": None}, "INVALID_TYPE"),
        ({"credential": None}, "INVALID_TYPE"),
        ({"credential": ""}, "INVALID_TYPE"),
        ({"credential": ["main"]}, "INVALID_TYPE"),
        ({"urls": {"api": "http://evil.example"}}, "EXCHANGE_CONFIG_KEY_NOT_ALLOWED"),
        ({"https_proxy": "http://evil.example"}, "EXCHANGE_CONFIG_KEY_NOT_ALLOWED"),
        ({"fetch": "x"}, "EXCHANGE_CONFIG_KEY_NOT_ALLOWED"),
    ],
)
def test_exchange_config_that_is_none_is_refused(config, code):
    refused(code, accounts.parse_exchange_config, config)


def test_what_is_kept_of_it_names_the_account_and_tells_keys_apart(binance):
    told = []
    for values in (KEYS, OTHER, KEYS):
        config = accounts.parse_exchange_config({**values, "sandbox": True})
        account = accounts.open_account(binance, config.sandbox, config.values)
        told.append(accounts.redacted(config, account))
    assert told[0] == told[2] != told[1]
    assert told[0].keys() == {"credential", "sandbox", "account"}
    assert told[0]["credential"] is None
    assert told[0]["sandbox"] is True


# --- opening ---------------------------------------------------------------------------------


def test_an_account_is_opened_once_with_ten_slots(binance):
    account = accounts.open_account(binance, False, KEYS, by="root")
    again = accounts.open_account(binance, False, KEYS, by="root")
    assert again == account
    assert list(account.slots.values_list("number", "free_at")) == [(n, 0) for n in range(10)]
    assert (OrderSlot.objects.count(), Credential.objects.count()) == (10, 1)
    assert signed_in_with(account) == KEYS
    (entry,) = AuditEntry.objects.all()
    assert (entry.who, entry.action) == ("root", "account.opened")
    assert entry.target == str(account.public_id)


def test_sandbox_and_real_venue_other_keys_and_other_venues_are_other_accounts(binance):
    opened = {
        accounts.open_account(binance, False, KEYS).pk,
        accounts.open_account(binance, True, KEYS).pk,
        accounts.open_account(binance, False, OTHER).pk,
        accounts.open_account(make_exchange("bybit"), False, KEYS).pk,
    }
    assert len(opened) == 4


def test_a_new_secret_replaces_the_old_one_and_nothing_of_it_is_left(binance):
    account = accounts.open_account(binance, False, KEYS)
    account.max_open_orders = 3
    account.save()
    new = KEYS | {"secret": "a-new-secret"}
    assert accounts.open_account(binance, False, new, by="root") == account
    assert signed_in_with(account) == new
    assert Credential.objects.count() == 1
    account.refresh_from_db()
    assert account.max_open_orders == 3
    assert AuditEntry.objects.first().action == "account.credential_changed"


def test_a_stored_credential_is_used_by_its_name_and_never_written_by_a_run(binance):
    stored = credentials.add("main", binance, KEYS, True, "x")
    account = accounts.open_account(binance, True, credential_name="main")
    assert account.credential == stored
    assert accounts.open_account(binance, True, KEYS) == account
    account.refresh_from_db()
    assert account.credential == stored

    other = KEYS | {"secret": "of-a-run"}
    accounts.open_account(binance, True, other)
    assert signed_in_with(account) == other
    assert credentials.keys(credentials.find("main")).values == KEYS

    accounts.open_account(binance, True, credential_name="main")
    assert signed_in_with(account) == KEYS
    assert list(Credential.objects.all()) == [stored]


def test_a_credential_of_another_venue_or_sandbox_setting_is_refused(binance):
    credentials.add("main", binance, KEYS, True, "x")
    bybit = make_exchange("bybit")
    credentials.add("bybit-main", bybit, KEYS, False, "x")
    named = {"credential_name": "main"}
    error = refused("CREDENTIAL_MISMATCH", accounts.open_account, bybit, True, **named)
    assert error.details == {"exchange": "binance", "sandbox": True}
    refused("CREDENTIAL_MISMATCH", accounts.open_account, binance, False, **named)
    error = refused(
        "UNKNOWN_CREDENTIAL", accounts.open_account, binance, True, credential_name="nope"
    )
    assert error.details == {"credentials": ["main"]}
    assert not Account.objects.exists()


def test_an_account_needs_credentials_of_one_kind(settings, binance):
    error = refused("CREDENTIALS_MISSING", accounts.open_account, binance, False)
    assert error.details == {"required": ["apiKey", "secret"]}
    refused("INVALID_VALUE", accounts.open_account, binance, False, KEYS, "main")
    kraken = make_exchange("kraken", sandbox=False)
    refused("SANDBOX_UNSUPPORTED", accounts.open_account, kraken, True, KEYS)
    settings.CREDENTIALS_KEY = []
    refused("CREDENTIALS_KEY_MISSING", accounts.open_account, binance, False, KEYS)
    assert not Account.objects.exists()
    assert not Credential.objects.exists()


def test_a_credential_that_cannot_be_read_opens_nothing_and_new_values_mend_it(settings, binance):
    credentials.add("main", binance, KEYS, False, "x")
    account = accounts.open_account(binance, False, credential_name="main")
    set_keys(settings)
    refused("CREDENTIALS_UNREADABLE", accounts.open_account, binance, False, credential_name="main")
    assert accounts.open_account(binance, False, KEYS) == account
    assert signed_in_with(account) == KEYS


def test_nothing_is_opened_where_the_callers_transaction_fails(binance):
    @transaction.atomic
    def start() -> None:
        accounts.open_account(binance, False, KEYS)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        start()
    assert not Account.objects.exists()
    assert not Credential.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_that_open_an_account_at_once_open_one(binance):
    begin, opened, errors = threading.Barrier(4), [], []

    def open_one(number: int) -> None:
        try:
            begin.wait(10)
            values = KEYS | {"secret": f"secret {number % 2}"}
            opened.append(accounts.open_account(binance, False, values).pk)
        except Exception as error:  # noqa: BLE001 - told to the test
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=open_one, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert errors == []
    assert len(opened) == 4
    assert len(set(opened)) == 1
    assert (Account.objects.count(), OrderSlot.objects.count()) == (1, 10)
    assert Credential.objects.count() == 1


def test_one_that_was_opened_between_looking_and_making_is_taken(binance, monkeypatch):
    account = accounts.open_account(binance, False, KEYS)
    find, looked = accounts._find, []

    def too_early(*arguments) -> Account | None:
        looked.append(arguments)
        return None if len(looked) == 1 else find(*arguments)

    monkeypatch.setattr(accounts, "_find", too_early)
    new = KEYS | {"secret": "newer"}
    assert accounts.open_account(binance, False, new) == account
    assert signed_in_with(account) == new
    assert Credential.objects.count() == 1
    monkeypatch.setattr(accounts, "_find", lambda *_: None)
    with pytest.raises(IntegrityError), transaction.atomic():
        accounts.open_account(binance, False, KEYS)


# --- the way in ------------------------------------------------------------------------------


def test_the_way_into_an_account_is_made_anew_with_the_credentials_it_has_now(
    settings, binance, monkeypatch
):
    asked = []
    monkeypatch.setattr(
        adapters, "venue_account", lambda *given: asked.append(given) or given, raising=False
    )
    settings.RECV_WINDOW, settings.ORDER_TIMEOUT = 500, 2.5
    binance.base_url = "http://127.0.0.1:9000"
    binance.save()
    account = accounts.open_account(binance, True, KEYS)
    accounts.venue_account(account)
    accounts.open_account(binance, True, KEYS | {"secret": "newer"})
    accounts.venue_account(account)
    (door, keys, sandbox, window, timeout, clock), (_, newer, *_) = asked
    assert (door.name, door.ccxt_id, door.base_url) == (
        "binance",
        "binance",
        "http://127.0.0.1:9000",
    )
    assert keys == Keys(KEYS)
    assert newer.values["secret"] == "newer"
    assert (sandbox, window, timeout) == (True, 500, 2.5)
    assert clock.now_ms() > 0


# --- guards ----------------------------------------------------------------------------------


def test_guards_are_set_taken_away_and_told_in_the_audit_trail(binance):
    account = accounts.open_account(binance, False, KEYS)
    Account.objects.filter(pk=account.pk).update(killed_at=timezone.now(), killed_by="x")
    accounts.set_limits(account, {"max_order_value": "0.00000001", "max_open_orders": 3}, "root")
    stored = Account.objects.get(pk=account.pk)
    assert (stored.max_order_value, stored.max_open_orders) == (Decimal("0.00000001"), 3)
    assert account.max_order_value == stored.max_order_value
    assert stored.is_killed
    entry = AuditEntry.objects.first()
    assert (entry.who, entry.action) == ("root", "account.limits")
    assert entry.detail == {
        "max_order_value": [None, "0.00000001"],
        "max_open_orders": [None, "3"],
    }
    accounts.set_limits(account, {"max_order_value": None, "max_open_orders": 3}, "root")
    assert AuditEntry.objects.first().detail == {"max_order_value": ["0.00000001", None]}
    count = AuditEntry.objects.count()
    accounts.set_limits(account, {"max_order_value": None}, "root")
    assert AuditEntry.objects.count() == count


@pytest.mark.parametrize("name", accounts.LIMITS)
@pytest.mark.parametrize(
    "value",
    ["0", "-1", "NaN", "Infinity", "1e400", "1e3", "1_000", "\u0661", "", "x", True, "9" * 14],
)
def test_a_guard_that_is_no_number_above_zero_is_refused(binance, name, value):
    error = refused("INVALID_VALUE", accounts.parse_limit, name, value)
    assert error.details == {"limit": name}


def test_each_guard_has_its_bounds():
    parse = accounts.parse_limit
    assert parse("price_collar", "0.02") == 0.02
    assert parse("price_collar", 0.05) == 0.05
    refused("INVALID_VALUE", parse, "price_collar", "1.5")
    refused("INVALID_VALUE", parse, "max_open_orders", "1.5")
    assert parse("daily_loss", Decimal("1E+3")) == 1000
    assert parse("daily_loss", "1000000000000") == 10**12


def test_the_command_lists_accounts_and_sets_guards(binance):
    assert "no accounts" in run("accounts")
    account = accounts.open_account(binance, True, KEYS)
    short = str(account.public_id)[:8]
    text = run("accounts", "limit", short, "--max-order-value", "500", "--price-collar", "0.02")
    assert "max order value 500, price collar 0.02" in text
    listed = run("accounts")
    assert short in listed
    assert "max order value 500" in listed
    assert "ready" in listed
    assert AuditEntry.objects.first().who == "command"
    run("accounts", "limit", short, "--max-order-value", "none")
    account.refresh_from_db()
    assert (account.max_order_value, account.price_collar) == (None, 0.02)
    assert "INVALID_VALUE" in fails("accounts", "limit", short, "--daily-loss", "-5")
    assert "ACCOUNT_NOT_FOUND" in fails("accounts", "limit", "zz", "--daily-loss", "5")
    Account.objects.update(killed_at=timezone.now())
    assert "killed" in run("accounts", "list")


@pytest.fixture
def staff(client):
    client.force_login(User.objects.create_superuser("root", password="x"))
    return client


def test_the_admin_sets_guards_and_nothing_else(staff, binance):
    account = accounts.open_account(binance, False, KEYS)
    now = timezone.now()
    path = f"/admin/exchanges/account/{account.pk}/change/"
    assert staff.get(path).status_code == 200
    Account.objects.update(killed_at=now, claimed_by="trader 1")
    form = {"max_order_value": "0.00000001", "max_open_orders": "4", "price_collar": "0.02"}
    assert staff.post(path, {**form, "sandbox": "on", "killed_at": ""}).status_code == 302
    account.refresh_from_db()
    assert account.max_order_value == Decimal("0.00000001")
    assert (account.max_open_orders, account.price_collar, account.daily_loss) == (4, 0.02, None)
    assert (account.sandbox, account.killed_at, account.claimed_by) == (False, now, "trader 1")
    entry = AuditEntry.objects.first()
    assert (entry.who, entry.action) == ("admin:root", "account.limits")
    page = staff.get(path).content.decode()
    assert 'value="0.00000001"' in page
    assert "killed" in page
    assert staff.post(path, {"max_order_value": "0.00000001"}).status_code == 302
    account.refresh_from_db()
    assert (account.max_order_value, account.max_open_orders) == (Decimal("0.00000001"), None)


@pytest.mark.parametrize("value", ["-1", "NaN", "1e400", "x", "9" * 50, "\0"])
def test_the_admin_says_what_a_guard_may_be(staff, binance, value):
    account = accounts.open_account(binance, False, KEYS)
    path = f"/admin/exchanges/account/{account.pk}/change/"
    answer = staff.post(path, {"max_order_value": value, "price_collar": value})
    assert answer.status_code == 200
    assert set(answer.context["adminform"].form.errors) == {"max_order_value", "price_collar"}


def test_the_admin_lists_accounts_and_neither_adds_nor_deletes_them(staff, binance):
    account = accounts.open_account(binance, False, KEYS)
    page = staff.get("/admin/exchanges/account/")
    assert page.status_code == 200
    assert account.fingerprint[:8] in page.content.decode()
    assert staff.get("/admin/exchanges/account/add/").status_code == 403
    assert staff.post(f"/admin/exchanges/account/{account.pk}/delete/").status_code == 403
