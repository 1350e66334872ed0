"""Settings: typed, documented, refused when they make no sense."""

import os
import subprocess
import sys
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.utils import get_random_secret_key

from cracktrader_site import env, listening, secret


def test_every_setting_is_documented_as_the_code_reads_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    call_command("settings_doc")
    documented = (settings.BASE_DIR / "docs" / "settings.md").read_text()
    assert capsys.readouterr().out == documented, "run: manage.py settings_doc > docs/settings.md"


def test_every_variable_the_code_reads_is_registered() -> None:
    files = sorted(settings.BASE_DIR.glob("cracktrader_site/settings/*.py"))
    assert len(files) > 5
    used = [path.name for path in files if "os.environ" in path.read_text()]
    assert not used, "settings read the environment through env only"


@pytest.mark.parametrize(
    ("read", "raw"),
    [
        (lambda: env.integer("X_TEST", 1, "h", minimum=1, maximum=9), "0"),
        (lambda: env.integer("X_TEST", 1, "h", maximum=9), "many"),
        (lambda: env.machine("X_TEST", "h"), "a/b"),
        (lambda: env.machine("X_TEST", "h"), "m" * 61),
        (lambda: env.artifacts("X_TEST", "h"), "ftp://somewhere"),
        (lambda: env.flag("X_TEST", False, "h"), "perhaps"),
        (lambda: env.integer("X_TEST", 1, "h", maximum=9), "10"),
        (lambda: env.integer("X_TEST", 1, "h", maximum=9), "9" * 5000),
        (lambda: env.number("X_TEST", 1.0, "h", 0.5, 2.0), "one"),
        (lambda: env.number("X_TEST", 1.0, "h", 0.5, 2.0), "0.4"),
        (lambda: env.number("X_TEST", 1.0, "h", 0.5, 2.0), "inf"),
        (lambda: env.number("X_TEST", 1.0, "h", 0.5, 2.0), "nan"),
        (lambda: env.choice("X_TEST", "A", ["A", "B"], "h"), "C"),
        (lambda: env.path("X_TEST", Path(), "h"), "~nobody-of-this-name/x"),
    ],
)
def test_a_setting_of_the_wrong_kind_says_what_it_should_be(
    monkeypatch: pytest.MonkeyPatch, read: object, raw: str
) -> None:
    monkeypatch.setenv("X_TEST", raw)
    with pytest.raises(ImproperlyConfigured, match="X_TEST"):
        read()  # type: ignore[operator]
    env.REGISTRY.pop("X_TEST", None)


@pytest.mark.parametrize(
    "address",
    [
        "rediss//:hunter2@host:6379/0",
        "redis://:hunter2@host:port/0",
        "redis://:hunter2@host/0?no_such_option=1",
        "redis://:hunter2@host/0?protocol=9",
        "hunter2",
    ],
)
def test_what_may_hold_a_password_is_not_repeated(monkeypatch, address: str) -> None:
    monkeypatch.setenv("X_TEST", address)
    with pytest.raises(ImproperlyConfigured, match="X_TEST is not a redis:// address") as refused:
        env.redis("X_TEST", "h")
    env.REGISTRY.pop("X_TEST")
    assert "hunter2" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_choice_is_taken_in_small_letters_too(monkeypatch) -> None:
    monkeypatch.setenv("X_TEST", "info")
    assert env.choice("X_TEST", "WARNING", ["INFO", "WARNING"], "h") == "INFO"
    assert env.REGISTRY.pop("X_TEST").kind == "INFO or WARNING"


def test_a_generated_secret_key_is_private_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "secret_key"
    key = secret.read_or_create(path)
    assert len(key) >= 50
    assert secret.read_or_create(path) == key
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.9.1"])
def test_loopback_may_be_listened_on(host: str) -> None:
    listening.require_safe(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "8.8.8.8"])
def test_any_other_address_is_refused_while_there_is_no_authentication(host: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="authentication is off"):
        listening.require_safe(host)


RANDOM = "vqA9t_Zr2LwXc7-HnE0sKdyM5uGbJ3oP8iTfQ6hRk1WxaSjYCe4N"


@pytest.mark.parametrize(
    ("auth", "debug", "secret_key", "said"),
    [
        (False, False, RANDOM, "authentication is off"),
        (True, True, RANDOM, "CRACKTRADER_DEBUG is on"),
        (True, False, "changeme", "not random"),
        (True, False, "x" * 60, "not random"),
        (True, False, "abcde" * 12, "not random"),
        (True, False, "k3" + "abcdefghij" * 5, "not random"),
        (
            True,
            False,
            "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
            "not random",
        ),
        (True, False, f"django-insecure-{RANDOM}", "not random"),
    ],
)
def test_other_machines_are_let_in_with_authentication_and_nothing_left_open(
    settings: Any, auth: bool, debug: bool, secret_key: str, said: str
) -> None:
    settings.AUTH, settings.DEBUG, settings.SECRET_KEY = auth, debug, secret_key
    settings.ALLOW_PLAIN_HTTP, settings.RATE_LIMIT = True, 100
    with pytest.raises(ImproperlyConfigured, match=said):
        listening.require_safe("0.0.0.0")
    settings.AUTH, settings.DEBUG, settings.SECRET_KEY = True, False, RANDOM
    listening.require_safe("0.0.0.0")


@pytest.mark.parametrize("kind", ["startproject's", "openssl's", "ours"])
def test_keys_as_tools_make_them_are_random(settings: Any, tmp_path: Path, kind: str) -> None:
    settings.AUTH, settings.DEBUG, settings.ALLOW_PLAIN_HTTP = True, False, True
    settings.RATE_LIMIT = 100
    for number in range(100):
        settings.SECRET_KEY = {
            "startproject's": get_random_secret_key,
            "openssl's": lambda: token_hex(32),
            "ours": lambda number=number: secret.read_or_create(tmp_path / str(number)),
        }[kind]()
        listening.require_safe("0.0.0.0")


@pytest.mark.parametrize("command", ["check", "serve", "kill"])
def test_a_wrong_setting_ends_a_command_with_one_sentence(tmp_path: Path, command: str) -> None:
    env = os.environ | {"CRACKTRADER_HOME": str(tmp_path), "PORT": "x"}
    line = [sys.executable, "manage.py", command]
    done = subprocess.run(line, env=env, cwd=settings.BASE_DIR, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: PORT='x' is not an integer")
    assert done.stderr.count("\n") == 1
