"""Wheel and sdist, in an empty environment: what the README and the reference show, runs there."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.desk import ROOT, Desk

pytestmark = [pytest.mark.process, pytest.mark.slow]

SDK = ROOT / "sdk" / "python"
REFERENCE = """
from cracktrader import CrackTraderAPI

api = CrackTraderAPI(api_key="your_key")
balance = api.get_balance()
"""
SAMPLES = re.findall(r"```python\n(.*?)```", (SDK / "README.md").read_text(), re.DOTALL)


class Environment:
    """A virtual environment with the wheel in it."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        self.folder = folder
        self.python = folder / "bin" / "python"
        run(sys.executable, "-m", "venv", "--without-pip", str(folder))
        pip = (sys.executable, "-m", "pip", "--python", str(self.python), "install", "--quiet")
        run(*pip, str(wheel))

    def lend(self, folder: str) -> None:
        """Packages of another environment, after its own."""
        (site,) = self.folder.glob("lib/python*/site-packages")
        (site / "lent.pth").write_text(folder)

    def run(self, code: str, desk: Desk, key: str, folder: Path) -> tuple[int, str, str]:
        script = folder / "sample.py"
        script.write_text(code.replace("your_key", key))
        env = {"CRACKTRADER_URL": f"http://127.0.0.1:{desk.port}", "PYTHONUTF8": "1"}
        done = subprocess.run(
            [self.python, "-I", script],
            env=env,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    # The wheel is made of the sdist.
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(SDK))
    return folder


@pytest.fixture(scope="module")
def environment(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    (wheel,) = built.glob("*.whl")
    return Environment(tmp_path_factory.mktemp("empty") / "venv", wheel)


def test_wheel_and_sdist_hold_the_package_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    (sdist,) = built.glob("*.tar.gz")
    own = {
        str(file.relative_to(SDK / "src"))
        for file in (SDK / "src").rglob("*")
        if file.is_file() and file.suffix != ".pyc"
    }
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
        (about,) = (n for n in archive.namelist() if n.endswith("METADATA"))
        metadata = archive.read(about).decode()
    assert held == own
    assert "cracktrader/py.typed" in held
    required = re.findall(r"^Requires-Dist: ([a-z]+)(?!.*extra ==)", metadata, re.MULTILINE)
    assert sorted(required) == ["httpx", "tqdm", "websockets"]
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {f"src/{name}" for name in own} <= names
    assert {"README.md", "LICENSE", "pyproject.toml"} <= names
    assert not {name for name in names if "generate" in name or "__pycache__" in name}


def test_the_first_backtest_and_the_reference_run_where_only_the_wheel_is(
    environment: Environment, desk: Desk, key: str, tmp_path: Path
) -> None:
    first = SAMPLES[0]
    assert len([line for line in first.splitlines() if line]) <= 5
    code, shown, errors = environment.run(first, desk, key, tmp_path)
    assert (code, errors) == (0, "")
    assert shown.startswith("<Results TestStrategy on BTC/USDT 1h, completed, 10,000.00 → ")
    code, _, errors = environment.run(REFERENCE + "print(balance)", desk, key, tmp_path)
    assert (code, errors) == (0, "")
    code, _, errors = environment.run(first + "results.trades", desk, key, tmp_path)
    assert code == 1
    assert "pandas is not installed: pip install pandas" in errors


def test_every_sample_of_the_readme_runs(
    environment: Environment, desk: Desk, key: str, tmp_path: Path
) -> None:
    assert len(SAMPLES) == 8
    environment.lend(sysconfig.get_path("purelib"))
    # Each with names of its own; what they import is loaded once.
    told = [f"print({str(tmp_path)!r})\nexec({sample!r}, {{}})" for sample in SAMPLES]
    code, shown, errors = environment.run("\n".join(told), desk, key, tmp_path)
    assert (code, errors) == (0, "")
    assert key not in shown
    nothing, *each = shown.split(f"{tmp_path}\n")
    assert not nothing
    assert len(each) == len(SAMPLES)
    for sample, found in zip(SAMPLES, each, strict=True):
        assert found, sample
    page = (tmp_path / "run.html").read_text()
    assert "drawdown" in page


def test_a_sample_with_a_wrong_key_fails_and_does_not_show_it(
    environment: Environment, desk: Desk, tmp_path: Path
) -> None:
    wrong = "ct_000000000000_WrongWrongWrongWrongWrongWrong"
    code, shown, errors = environment.run(SAMPLES[0], desk, wrong, tmp_path)
    assert code == 1
    assert "NotAuthenticated: NOT_AUTHENTICATED" in errors
    assert "WrongWrong" not in shown + errors.replace('api_key="' + wrong, "")
