"""What is shown for copying says the body that the form sends, whatever texts it holds."""

from __future__ import annotations

import ast
import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cracktrader import CrackTraderAPI
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from cracktrader_site.ui.snippets import DEFAULT_URL, Snippet, snippets

NODE = Path(sys.executable).parent / "node"
BODY = {
    "strategy_name": "MovingAverageCross",
    "strategy_params": {"fast_period": 5, "slow_period": 20},
    "symbols": ["BTC/USDT", "ETH/USDT"],
    "timeframe": "1h",
    "exchange": "simulated",
    "start_date": "2024-01-01T00:00:00Z",
    "stop_loss": 0.05,
}
PAPER = {name: value for name, value in BODY.items() if name != "start_date"} | {
    "mode": "paper",
    "replay": {"speed": 100.0},
}

# What a browser can send, and JSON can hold exactly in every language.
texts = st.text(st.characters(codec="utf-8"), max_size=20)
scalars = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts
scalars |= st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
bodies = st.fixed_dictionaries(
    {
        "strategy_name": texts,
        "symbols": st.lists(texts, max_size=3),
        "timeframe": texts,
        "exchange": texts,
    },
    optional={
        "strategy_params": st.dictionaries(texts, values, max_size=4),
        "initial_cash": st.floats(allow_nan=False, allow_infinity=False),
    },
)


def shown(body: dict[str, Any], mode: str = "backtest", **options: Any) -> dict[str, Snippet]:
    made = snippets(body, mode, **{"base_url": DEFAULT_URL, "needs_key": False} | options)
    return {snippet.language: snippet for snippet in made}


def of_curl(text: str) -> dict[str, Any]:
    words = shlex.split(text.replace(" \\\n", " "))
    return dict(json.loads(words[words.index("-d") + 1]))


def of_python(text: str) -> dict[str, Any]:
    [call] = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and getattr(node.func, "attr", "") in ("run_backtest", "start_live")
    ]
    said = dict(zip(("strategy_name", "symbols", "timeframe"), call.args, strict=True))
    said |= {keyword.arg: keyword.value for keyword in call.keywords}
    return {name: ast.literal_eval(node) for name, node in said.items()}


def of_javascript(texts: list[str]) -> list[dict[str, Any]]:
    """What the client is given, as it would send it: by node itself."""
    recorder = (
        "const sent = [];"
        "class CrackTrader { constructor(options) { this.options = options; }"
        " async runBacktest(body) { sent.push(body); return {}; }"
        " async startLive(body) { sent.push(body); return {}; }"
        " async *streamEvents() {} }"
        "console.log = () => {};"
    )
    parts = [text.replace("import CrackTrader from 'cracktrader-js';", "") for text in texts]
    script = recorder + "".join(f"\n{{\n{part}\n}}" for part in parts)
    script += "\nprocess.stdout.write(JSON.stringify(sent));"
    done = subprocess.run(
        [str(NODE), "--input-type=module", "-"], input=script, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    # 1.2e17 comes back as digits of which only a float is the same number.
    return list(json.loads(done.stdout, parse_int=float))


@settings(max_examples=150, deadline=None)
@given(bodies, st.sampled_from(["backtest", "paper"]))
def test_curl_sends_the_body(body, mode):
    assert of_curl(shown(body, mode)["curl"].text) == body


@settings(max_examples=150, deadline=None)
@given(bodies, st.sampled_from(["backtest", "paper"]))
def test_python_passes_the_body(body, mode):
    assert of_python(shown(body, mode)["python"].text) == body


@pytest.mark.skipif(not NODE.exists(), reason="node is not installed")
@settings(max_examples=3, deadline=None, phases=[Phase.generate])
@given(st.lists(bodies, min_size=40, max_size=40))
def test_javascript_passes_the_body(many):
    awkward = {"__proto__": {"a": 1}, "1": 1, "constructor": "\u2028</script>", "a-b": "'\"\\"}
    many = [*many, BODY | {"strategy_params": awkward}]
    texts = [
        shown(body, mode)["javascript"].text for body in many for mode in ("backtest", "paper")
    ]
    assert of_javascript(texts) == [body for body in many for _ in range(2)]


def test_a_shell_takes_each_text_for_one_word():
    body = BODY | {"strategy_params": {"note": 'it\'s $HOME `id` \\ "x"\n; rm -rf ~ é'}}
    script = "curl() { for word; do printf '%s\\0' \"$word\"; done; }\n"
    script += shown(body, needs_key=True)["curl"].text
    done = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, env={"CRACKTRADER_API_KEY": "k1"}
    )
    words = done.stdout.split("\0")[:-1]
    assert words[:2] == ["-X", "POST"]
    assert words[2] == f"{DEFAULT_URL}/api/v1/run/backtest"
    assert words[4] == "Authorization: Bearer k1"
    assert json.loads(words[-1]) == body


@pytest.mark.parametrize(
    ("mode", "path"), [("backtest", "backtest"), ("paper", "live"), ("live", "live")]
)
def test_each_mode_has_its_path(mode, path):
    assert f"/api/v1/run/{path}" in shown(PAPER, mode)["curl"].text


def test_a_key_is_asked_for_and_never_shown_where_none_is_needed():
    with_key = shown(BODY, needs_key=True)
    assert "$CRACKTRADER_API_KEY" in with_key["curl"].text
    assert 'CrackTraderAPI(api_key="your_key")' in with_key["python"].text
    assert "new CrackTrader({ apiKey: 'your_key' })" in with_key["javascript"].text
    without = shown(BODY)
    assert not any("key" in snippet.text.lower() for snippet in without.values())


def test_another_server_is_named_and_the_clients_own_default_is_not():
    there = shown(BODY, base_url="https://desk.example/")
    assert "https://desk.example/api/v1/run/backtest" in there["curl"].text
    assert 'base_url="https://desk.example"' in there["python"].text
    assert "baseUrl: 'https://desk.example'" in there["javascript"].text
    assert "base_url" not in shown(BODY)["python"].text


@pytest.mark.parametrize(("body", "mode"), [(BODY, "backtest"), (PAPER, "paper")])
def test_the_python_client_takes_what_is_shown(body, mode, monkeypatch):
    """Its real methods, down to what they would post."""
    posted: list[tuple[str, dict[str, Any]]] = []

    class Posted(Exception):
        pass

    def start(self: Any, model: Any, path: str, sent: dict[str, Any], key: Any) -> Any:
        posted.append((path, sent))
        raise Posted

    monkeypatch.setattr(CrackTraderAPI, "_start", start)
    with pytest.raises(Posted):
        exec(shown(body, mode)["python"].text, {})
    assert posted == [(f"/run/{'backtest' if mode == 'backtest' else 'live'}", body)]
