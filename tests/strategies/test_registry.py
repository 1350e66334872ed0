from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from django_q.exceptions import TimeoutException

from exchanges.domain import InvalidInput
from strategies import probe, registry

from .sources import GOOD, HEAD, one


def test_only_strategies_defined_in_the_source_are_found():
    source = GOOD + (
        "\nfrom strategies.catalog.buy_and_hold import BuyAndHold\n"
        "class _Hidden(Mine):\n    pass\n"
        "class Other(Mine):\n    pass\n"
        "Alias = Other\n"
    )
    assert sorted(registry.strategies_in(source)) == ["Mine", "Other"]


def test_an_abstract_base_is_not_a_strategy_of_its_own():
    source = HEAD + (
        "class Base(Strategy):\n    Params = NoParams\n"
        "    def warmup(self, params):\n        return 0\n"
        "class Leaf(Base):\n"
        "    def signals(self, bars, params):\n        raise NotImplementedError\n"
    )
    assert list(registry.strategies_in(source)) == ["Leaf"]


def test_one_source_is_executed_once_and_two_sources_apart():
    assert registry.load(GOOD, "Mine") is registry.load(GOOD, "Mine")
    other = registry.load(GOOD + "\n# changed\n", "Mine")
    assert other is not registry.load(GOOD, "Mine")
    assert other.__module__ != registry.load(GOOD, "Mine").__module__


def test_postponed_annotations_and_dataclasses_work_in_a_stored_source():
    source = "from __future__ import annotations\nfrom dataclasses import dataclass\n" + one(
        "above = close > 1"
    ).replace(
        "class NoParams(Params):\n    pass",
        "class NoParams(Params):\n    n: int | None = Field(3, ge=1)\n\n"
        "@dataclass\nclass Thing:\n    size: int = 1\n",
    )
    described = registry.describe(registry.load(source, "Mine"))
    assert described.defaults == {"n": 3}


def test_a_source_without_future_import_keeps_its_annotations_as_objects():
    source = GOOD + "\nclass Plain:\n    x: int = 1\nKIND = Plain.__annotations__['x']\n"
    module = sys.modules[registry.load(source, "Mine").__module__]
    assert module.KIND is int


class Stop(BaseException):
    pass


@pytest.mark.parametrize("stop", [Stop, TimeoutException, KeyboardInterrupt])
def test_a_stop_while_a_source_loads_is_no_fault_of_the_source(stop):
    def interrupt(signum, frame):
        raise stop

    source = GOOD + f"\nimport signal\nsignal.raise_signal(signal.SIGUSR2)  # {stop}\n"
    before = signal.signal(signal.SIGUSR2, interrupt)
    try:
        with pytest.raises(stop):
            registry.load(source, "Mine")
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
        assert registry.load(source, "Mine").__name__ == "Mine"
    finally:
        signal.signal(signal.SIGUSR2, before)


def test_a_traceback_shows_the_stored_lines():
    import traceback

    strategy = registry.load(one("raise KeyError('where')\nabove = 1"), "Mine")
    try:
        strategy().signals(type("B", (), {"close": 1}), None)
    except KeyError:
        assert "raise KeyError('where')" in traceback.format_exc()


def test_an_unknown_name_is_answered_with_those_there_are():
    with pytest.raises(InvalidInput) as caught:
        registry.load(GOOD, "Mine.__init__")
    assert caught.value.code == "STRATEGY_BROKEN"
    assert caught.value.details == {"found": ["Mine"]}


def with_fields(fields: str) -> str:
    body = fields.replace("; ", "\n    ")
    return GOOD.replace("class NoParams(Params):\n    pass", f"class NoParams(Params):\n    {body}")


BROKEN = {
    "syntax": ("def f(:\n", "line 1: SyntaxError"),
    "indentation": ("if True:\nx = 1\n", "line 2: IndentationError"),
    "import": ("import no_such_module_here\n", "line 1: ModuleNotFoundError"),
    "raises": ("x = 1\n\nraise ValueError('told\\nso')\n", "line 3: ValueError: told"),
    "system exit": ("raise SystemExit(0)\n", "line 1: SystemExit"),
    "recursion": ("def f():\n    return f()\nf()\n", "RecursionError"),
    "base exception": ("class B(BaseException): pass\nraise B('x')\n", "line 2: B: x"),
    "nothing in it": ("x = 1\n", "defines no strategy"),
    "no params": (GOOD.replace("    Params = NoParams\n", ""), "Params"),
    "params of another kind": (GOOD.replace("Params = NoParams", "Params = dict"), "Params"),
    "params not JSON": (with_fields("f: type = int"), "Mine"),
    "default NaN": (with_fields("f: float = float('nan')"), "Mine"),
    "default refused": (
        with_fields("f: int = Field(1, ge=5); model_config = {'validate_default': True}"),
        "Mine",
    ),
    "no warmup": (GOOD.replace("def warmup", "def warm"), "Mine lacks warmup"),
    "warmup raises": (GOOD.replace("return 20", "return 1 / 0"), "ZeroDivisionError"),
    "warmup no number": (GOOD.replace("return 20", "return 'x'"), "warmup"),
    "name not ASCII": (GOOD.replace("Mine", "Mіne"), "no name for a strategy"),  # noqa: RUF001
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_file_is_described_in_one_line(what):
    source, expected = BROKEN[what]
    probed = probe.read(source)
    assert probed.strategies == ()
    assert expected in probed.error
    assert "\n" not in probed.error


WORSE = {
    "ends the interpreter": ("import os\nos._exit(0)\n", "ends the interpreter"),
    "kills itself": ("import os\nos.kill(os.getpid(), 9)\n", "ends the interpreter (code -9)"),
    "keyboard interrupt": ("raise KeyboardInterrupt\n", "ends the interpreter"),
    "overflows the stack": (
        "import ctypes\nctypes.string_at(0)\n",
        "ends the interpreter (code -11)",
    ),
}


@pytest.mark.parametrize("what", WORSE)
def test_a_file_that_takes_its_process_along_costs_one_child(what):
    source, expected = WORSE[what]
    assert expected in probe.probe(source).error


def test_a_file_that_loops_for_ever_is_ended_with_its_children(tmp_path):
    mark = tmp_path / "pid"
    source = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(mark)!r}, 'w').write(str(child.pid))\n"
        "while True:\n    pass\n"
    )
    assert probe.probe(source, timeout=1.5).error == "it takes longer than 1.5 s"
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", mark.read_text()], capture_output=True, text=True, check=False
    ).stdout.strip()
    assert state == "" or state.startswith("Z")


def test_what_a_file_prints_or_leaves_running_does_not_disturb_the_answer():
    source = (
        "import atexit, os, sys, threading, time\n"
        "print('{\"strategies\": []}')\nsys.stderr.write('noise')\nos.write(1, b'more')\n"
        "threading.Thread(target=lambda: time.sleep(60)).start()\n"
        "atexit.register(lambda: time.sleep(60))\n" + GOOD
    )
    probed = probe.probe(source, timeout=20)
    assert probed.error == ""
    assert [found.name for found in probed.strategies] == ["Mine"]


def test_the_child_says_of_a_file_what_this_process_would():
    assert probe.probe(GOOD) == probe.read(GOOD)
    assert probe.probe("import no_such_module_here\n") == probe.read("import no_such_module_here\n")


def test_a_check_of_a_strategy_that_never_ends_is_ended(monkeypatch):
    monkeypatch.setattr(probe, "_START_SECONDS", 1.0)
    source = one("while True:\n    pass\nabove = 1")
    with pytest.raises(InvalidInput) as caught:
        probe.check(source, "Mine", {}, 0.5)
    assert caught.value.code == "STRATEGY_BROKEN"


def test_a_check_in_the_child_reports_and_refuses_as_here():
    peeking = one("above = close > close.mean()")
    report = probe.check(peeking, "Mine", {}, 20.0)
    assert report.to_dict() == probe.check_here(peeking, "Mine", {}, 20.0).to_dict()
    assert report.findings
    with pytest.raises(InvalidInput) as caught:
        probe.check(peeking, "Mine", {"x": 1}, 20.0)
    assert caught.value.code == "UNKNOWN_PARAM"
    assert caught.value.details["valid_params"] == []
