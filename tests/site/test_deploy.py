"""What is deployed says what is so: units, containers and their settings."""

from __future__ import annotations

import re
import secrets
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import load_command_class
from django.core.management.base import BaseCommand, CommandError
from django.core.management.commands import migrate

from cracktrader_site import env
from cracktrader_site.management.commands.serve import PARTS

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
OURS = {name: s for name, s in COMPOSE["services"].items() if s.get("image") == "cracktrader"}
UNITS = sorted((ROOT / "deploy" / "systemd").iterdir())
# Of the images and tools, not of ours.
OTHERS = {"EXTRA_PACKAGES", "POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD"}
IMAGES = {"PATH", "PYTHONUNBUFFERED", "PIP_NO_CACHE_DIR", "PIP_DISABLE_PIP_VERSION_CHECK",
          "NUMBA_CACHE_DIR"}  # fmt: skip


def command_of(words: list[str]) -> BaseCommand:
    name, *args = words
    if name == "migrate":
        command: BaseCommand = migrate.Command()
    else:
        apps = ("cracktrader_site", "exchanges", "strategies", "runs")
        [app] = [a for a in apps if (ROOT / a / "management/commands" / f"{name}.py").exists()]
        command = load_command_class(app, name)
    try:
        command.create_parser("manage.py", name).parse_args(args)
    except CommandError as error:
        raise AssertionError(f"{words}: {error}") from None
    return command


def commands_in(script: str) -> list[list[str]]:
    found = re.findall(r"manage\.py (.+)", script)
    return [shlex.split(line) for line in found]


# --- containers ------------------------------------------------------------------------------


def test_every_command_of_the_containers_is_one():
    [default] = re.findall(r'^CMD \["(\w+)"\]$', DOCKERFILE, re.MULTILINE)
    command_of([default])
    for name, service in OURS.items():
        if name == "setup":
            lines = commands_in("\n".join(service["command"]))
            assert [words[0] for words in lines] == ["migrate", "sync_exchanges", "sync_strategies"]
            for words in lines:
                command_of(words)
        else:
            assert service["command"] == ["serve", "--only", name]
            command_of(service["command"])
    # The ticker comes with those whose processes it looks after.
    assert set(OURS) - {"setup"} == set(PARTS) - {"ticker"}


def test_a_command_that_is_none_is_found():
    for words in (["serve", "--only", "nothing"], ["serve", "--nothing"]):
        with pytest.raises(AssertionError):
            command_of(words)


def test_every_variable_of_the_containers_is_a_setting():
    for name, service in COMPOSE["services"].items():
        assert set(service.get("environment", {})) <= env.REGISTRY.keys() | OTHERS, name
    asked = set(re.findall(r"\$\{(\w+)", (ROOT / "compose.yaml").read_text()))
    assert asked <= env.REGISTRY.keys() | OTHERS
    example = (ROOT / "deploy/compose.env.example").read_text()
    told = set(re.findall(r"^(\w+)=", example, re.MULTILINE))
    assert told <= asked
    required = set(re.findall(r"\$\{(\w+):\?", (ROOT / "compose.yaml").read_text()))
    assert required <= told
    image = {n for line in re.findall(r"^ENV ((?:.|\\\n)+?)$", DOCKERFILE, re.MULTILINE)
             for n in re.findall(r"(\w+)=", line)}  # fmt: skip
    assert image <= env.REGISTRY.keys() | IMAGES


def test_every_setting_in_the_file_reaches_every_container():
    for service in OURS.values():
        assert service["env_file"] == [{"path": ".env", "required": False}]
    [extra] = OURS["web"]["build"]["args"]
    assert f"ARG {extra}=" in DOCKERFILE
    example = (ROOT / "deploy/compose.env.example").read_text()
    proposed = set(re.findall(r"^# ([A-Z_]+)=", example, re.MULTILINE))
    assert {"CRACKTRADER_JOB_WORKERS", "CRACKTRADER_ARTIFACTS", extra} <= proposed
    ours = {name for name in proposed if name.startswith("CRACKTRADER_")}
    assert ours <= env.REGISTRY.keys()
    # What compose.yaml sets itself wins over the file.
    assert not ours & OURS["web"]["environment"].keys()


def test_a_backup_is_made_where_the_unit_may_write():
    service = unit(ROOT / "deploy/systemd/cracktrader-backup.service")
    folder = Path(shlex.split(service["ExecStart"][0])[-1])
    assert folder.parent == Path("/var/lib")
    assert folder.name in service["StateDirectory"][0].split()


def test_containers_are_named_by_their_host_and_wait_for_what_they_need():
    for name, service in OURS.items():
        assert "CRACKTRADER_MACHINE" not in service["environment"], "no two may have one name"
        assert "container_name" not in service
        assert service["init"] is True
        waits = service["depends_on"]
        assert set(waits) <= COMPOSE["services"].keys()
        assert ("setup" in waits) is (name != "setup")
        for other, how in waits.items():
            if how["condition"] == "service_healthy":
                assert "test" in COMPOSE["services"][other]["healthcheck"]
    volumes = {v.partition(":")[0] for s in COMPOSE["services"].values()
               for v in s.get("volumes", ()) if not v.startswith(".")}  # fmt: skip
    assert volumes == COMPOSE["volumes"].keys()
    networks = {n for s in COMPOSE["services"].values() for n in s["networks"]}
    assert networks == COMPOSE["networks"].keys()
    published = [p for s in COMPOSE["services"].values() for p in s.get("ports", ())]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


@pytest.mark.parametrize("changes", [{}, {"CRACKTRADER_LIVE_TRADING": "1"}])
def test_the_settings_of_the_containers_are_let_in(changes, tmp_path):
    """`check --deploy` refuses nothing; the same without authentication is refused."""
    from exchanges.sealing import new_key

    filled = {
        "POSTGRES_PASSWORD": "x",
        "CRACKTRADER_SECRET_KEY": secrets.token_urlsafe(48),
        "CRACKTRADER_CREDENTIALS_KEY": new_key(),
    } | changes

    def given(match: re.Match[str]) -> str:
        return filled.get(match[1], match[3] if match[2] == "-" else "")

    environment = {
        name: re.sub(r"\$\{(\w+)(?::([-?])([^}]*))?\}", given, str(value))
        for name, value in OURS["web"]["environment"].items()
    }
    del environment["DATABASE_URL"], environment["REDIS_URL"]
    environment |= {"CRACKTRADER_HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin"}
    (tmp_path / "home").mkdir(mode=0o700)
    tmp_path.chmod(0o700)

    def said(**more: str) -> str:
        code = (
            "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'cracktrader_site.settings'\n"
            "import django; django.setup()\n"
            "from cracktrader_site import listening\n"
            "listening.require_safe('0.0.0.0')\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env=environment | more,
            capture_output=True, text=True,
        )  # fmt: skip
        return done.stderr

    assert said() == ""
    assert "CRACKTRADER_AUTH" in said(CRACKTRADER_AUTH="0")


def test_the_image_has_what_the_project_needs_and_no_more():
    copied = set()
    for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE):
        *sources, _ = line.split()
        copied |= set(sources)
    for path in copied:
        assert (ROOT / path).exists(), path
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines()
               if line.startswith("!")}  # fmt: skip
    assert copied == allowed
    # All that runs is there: packages that manage.py's code is in.
    apps = {p.name for p in ROOT.iterdir() if (p / "apps.py").exists()}
    assert apps <= copied
    *_, last = DOCKERFILE.split("FROM ")
    assert "USER cracktrader" in last
    assert last.index("USER cracktrader") < last.index("ENTRYPOINT")
    assert "apt-get" not in last
    assert "pip install" not in last
    assert "-r /tmp/requirements.txt" in DOCKERFILE
    version = re.findall(r"^FROM python:(\d+\.\d+)-slim", DOCKERFILE, re.MULTILINE)
    assert len(set(version)) == 1


def test_the_health_check_is_good_exactly_where_the_server_answers(tmp_path):
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from threading import Thread

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/api/v1/health" else 404)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    def code(port: int) -> int:
        check = [sys.executable, "deploy/healthcheck.py"]
        return subprocess.run(check, cwd=ROOT, env={"PORT": str(port)}, capture_output=True
                              ).returncode  # fmt: skip

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        assert code(port) == 0
        server.shutdown()
    assert code(port) == 1


# --- systemd ---------------------------------------------------------------------------------


def unit(file: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", file.read_text(), re.MULTILINE):
        found.setdefault(name, []).append(value)
    return found


def test_every_command_of_the_units_is_one():
    started = []
    for file in UNITS:
        for line in unit(file).get("ExecStart", ()):
            python, manage, *words = shlex.split(line)
            assert (python, manage) == ("/opt/cracktrader/.venv/bin/python", "manage.py")
            for part in PARTS if "%i" in words else ("",):
                command_of([word.replace("%i", part) for word in words])
            started.append(words[0])
    assert sorted(started) == [
        "backup",
        "migrate",
        "serve",
        "serve",
        "sync_exchanges",
        "sync_strategies",
    ]


def test_every_unit_is_in_the_same_sandbox():
    services = [unit(file) for file in UNITS if file.suffix == ".service"]
    names = {"User", "UMask", "StateDirectory", "ProtectSystem", "NoNewPrivileges",
             "CapabilityBoundingSet", "PrivateTmp", "ProtectHome"}  # fmt: skip
    for service in services:
        assert names <= service.keys()
        assert "MemoryDenyWriteExecute" not in service, "the engine is compiled as it runs"
        assert service["Environment"] == ["CRACKTRADER_HOME=/var/lib/cracktrader"]
        assert "cracktrader" in service["StateDirectory"][0].split()
    boxes = [{n: v for n, v in s.items() if n.startswith(("Protect", "Private", "Restrict"))}
             for s in services]  # fmt: skip
    assert all(box == boxes[0] for box in boxes)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_understands_the_units(tmp_path):
    for file in UNITS:
        text = file.read_text().replace("/opt/cracktrader/.venv/bin/python", "/bin/true")
        (tmp_path / file.name.replace("@.", "@jobs.")).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no",
         *map(str, sorted(tmp_path.iterdir()))],
        capture_output=True, text=True,
    )  # fmt: skip
    told = [line for line in done.stderr.splitlines() if "cracktrader" in line]
    assert told == []


# --- migrations ------------------------------------------------------------------------------


def test_migrations_leave_the_version_before_at_work():
    from tests.site import expansion

    assert list(expansion.breaks()) == []


def test_a_migration_that_breaks_the_version_before_is_found():
    from django.db import migrations, models

    from tests.site import expansion

    def told(*operations: Any) -> list[str]:
        return [
            why for operation in operations for why in expansion.why_not("runs", operation, set())
        ]

    text = models.CharField(max_length=9)
    assert told(migrations.AddField("run", "x", models.CharField(max_length=9, null=True))) == []
    assert (
        told(migrations.AddField("run", "x", models.CharField(max_length=9, db_default=""))) == []
    )
    assert told(migrations.AddField("run", "x", models.CharField(max_length=9, default="")))
    assert told(migrations.AlterField("run", "status", text))
    assert told(migrations.RemoveField("run", "x"))
    assert told(migrations.DeleteModel("Run"))
    assert told(migrations.RenameField("run", "a", "b"))
    assert told(migrations.RunSQL("DROP TABLE x"))
