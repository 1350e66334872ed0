"""Settings: typed, documented, refused when they make no sense."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command

from cracktrader_site import env, listening, secret


def test_every_setting_is_documented_as_the_code_reads_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    call_command("settings_doc")
    documented = (settings.BASE_DIR / "docs" / "settings.md").read_text()
    assert capsys.readouterr().out == documented, "run: manage.py settings_doc > docs/settings.md"


def test_every_variable_the_code_reads_is_registered() -> None:
    used = set()
    for path in settings.BASE_DIR.glob("cracktrader_site/settings.py"):
        for line in path.read_text().splitlines():
            if "os.environ" in line:
                used.add(line.strip())
    assert not used, "settings.py reads the environment through env only"


@pytest.mark.parametrize(
    ("read", "raw"),
    [
        (lambda: env.integer("X_TEST", 1, "h", minimum=1), "0"),
        (lambda: env.integer("X_TEST", 1, "h"), "many"),
        (lambda: env.flag("X_TEST", False, "h"), "perhaps"),
        (lambda: env.number("X_TEST", 1.0, "h"), "one"),
    ],
)
def test_a_setting_of_the_wrong_kind_says_what_it_should_be(
    monkeypatch: pytest.MonkeyPatch, read: object, raw: str
) -> None:
    monkeypatch.setenv("X_TEST", raw)
    with pytest.raises(ImproperlyConfigured, match="X_TEST"):
        read()  # type: ignore[operator]
    env.REGISTRY.pop("X_TEST", None)


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


RANDOM = "k3" + "abcdefghij" * 5


@pytest.mark.parametrize(
    ("auth", "debug", "secret_key", "said"),
    [
        (False, False, RANDOM, "authentication is off"),
        (True, True, RANDOM, "CRACKTRADER_DEBUG is on"),
        (True, False, "changeme", "not random"),
        (True, False, "x" * 60, "not random"),
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
