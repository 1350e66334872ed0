"""A start as code to copy: for the shell, and for both clients.

Whatever texts a body holds, what is shown is quoted so that it can be pasted:
it says that body and nothing else.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

DEFAULT_URL = "http://127.0.0.1:8000"
"""Where both clients look when nobody says otherwise."""

_WIDTH = 76
_PYTHON_CALLS = {
    "backtest": "results = api.run_backtest",
    "sweep": "sweep = api.run_sweep",
}
_JAVASCRIPT_CALLS = {"backtest": ("results", "runBacktest"), "sweep": ("sweep", "runSweep")}
_POSITIONAL = ("strategy_name", "symbols", "timeframe")
_BARE_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_PLAIN = re.compile(r"[ !#-&(-\[\]-~]*", re.ASCII)  # printable, no quote, no backslash


@dataclass(frozen=True, slots=True)
class Snippet:
    """`language`: curl, python or javascript."""

    language: str
    title: str
    text: str


def snippets(body: dict[str, Any], mode: str, base_url: str, needs_key: bool) -> list[Snippet]:
    """The start that sends `body`, in each language.

    `mode`: backtest, sweep, or what POST /run/live starts.  `base_url`: the server's, without the
    API's path.  `needs_key`: whether the server asks for one; its place is shown, never a key.
    """
    base_url = base_url.rstrip("/")
    return [
        Snippet("curl", "curl", _curl(body, mode, base_url, needs_key)),
        Snippet("python", "Python", _python(body, mode, base_url, needs_key)),
        Snippet("javascript", "JavaScript", _javascript(body, mode, base_url, needs_key)),
    ]


def _curl(body: dict[str, Any], mode: str, base_url: str, needs_key: bool) -> str:
    path = mode if mode in ("backtest", "sweep") else "live"
    lines = [f"curl -X POST {shlex.quote(f'{base_url}/api/v1/run/{path}')}"]
    if needs_key:
        lines.append('-H "Authorization: Bearer $CRACKTRADER_API_KEY"')
    lines += ["-H 'Content-Type: application/json'", f"-d {shlex.quote(_JSON.spread(body, 0))}"]
    return " \\\n  ".join(lines)


def _python(body: dict[str, Any], mode: str, base_url: str, needs_key: bool) -> str:
    options = ['api_key="your_key"'] if needs_key else []
    if base_url != DEFAULT_URL:
        options.append(f"base_url={_python_scalar(base_url)}")
    positional = _POSITIONAL if all(name in body for name in _POSITIONAL) else ()
    arguments = [_PYTHON.layout(body[name], 1) for name in positional]
    arguments += [
        f"{name}={_PYTHON.layout(value, 1, len(name) + 1)}"
        for name, value in body.items()
        if name not in positional
    ]
    call = _PYTHON_CALLS.get(mode, "run = api.start_live")
    lines = [
        "from cracktrader import CrackTraderAPI",
        "",
        f"api = CrackTraderAPI({', '.join(options)})",
        f"{call}(",
        *(f"    {argument}," for argument in arguments),
        ")",
    ]
    if mode == "backtest":
        lines.append("print(results)")
    elif mode == "sweep":
        lines.append("print(sweep.best, sweep.honesty)")
    else:
        lines += ["for event in run.events():", "    print(event.seq, event.channel, event.data)"]
    return "\n".join(lines)


def _javascript(body: dict[str, Any], mode: str, base_url: str, needs_key: bool) -> str:
    options = {"apiKey": "your_key"} if needs_key else {}
    if base_url != DEFAULT_URL:
        options["baseUrl"] = base_url
    result, method = _JAVASCRIPT_CALLS.get(mode, ("run", "startLive"))
    lines = [
        "import CrackTrader from 'cracktrader-js';",
        "",
        f"const api = new CrackTrader({_JAVASCRIPT.layout(options, 0) if options else ''});",
        f"const {result} = await api.{method}({_JAVASCRIPT.spread(body, 0)});",
    ]
    if mode == "backtest":
        lines.append("console.log(results.final_value, results.performance_metrics);")
    elif mode == "sweep":
        lines.append("console.log(sweep.best, sweep.honesty);")
    else:
        lines += [
            "for await (const event of api.streamEvents({ runId: run.run_id })) {",
            "  console.log(event.seq, event.channel, event.data);",
            "}",
        ]
    return "\n".join(lines)


def _python_scalar(value: Any) -> str:
    """A literal in ASCII, a text in double quotes where it needs no escape for it."""
    text = ascii(value)
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return f'"{value}"'
    return text


def _javascript_scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return f"'{value}'"
    return json.dumps(value)


def _javascript_key(name: str) -> str:
    if name == "__proto__":
        # Written any other way it is no key but the object's prototype.
        return '["__proto__"]'
    return name if _BARE_KEY.fullmatch(name) else _javascript_scalar(name)


@dataclass(frozen=True, slots=True)
class _Notation:
    """How a language writes a JSON value: on one line where that fits, else an item a line."""

    scalar: Callable[[Any], str]
    key: Callable[[str], str]
    indent: int
    padding: str
    trailing: str

    def layout(self, value: Any, level: int, taken: int = 0) -> str:
        """`taken`: characters of the line before it, besides the indent."""
        line = self.line(value)
        is_long = len(line) + taken + level * self.indent > _WIDTH
        can_spread = isinstance(value, dict | list) and len(value) > 0
        return self.spread(value, level) if is_long and can_spread else line

    def line(self, value: Any) -> str:
        if isinstance(value, dict):
            items = [f"{self.key(name)}: {self.line(item)}" for name, item in value.items()]
            edge = self.padding if items else ""
            return f"{{{edge}{', '.join(items)}{edge}}}"
        if isinstance(value, list):
            return f"[{', '.join(map(self.line, value))}]"
        return self.scalar(value)

    def spread(self, value: dict[str, Any] | list[Any], level: int) -> str:
        if isinstance(value, dict):
            edges = "{}"
            names = [f"{self.key(name)}: " for name in value]
            items = [
                name + self.layout(item, level + 1, len(name) + 1)
                for name, item in zip(names, value.values(), strict=True)
            ]
        else:
            edges = "[]"
            items = [self.layout(item, level + 1, 1) for item in value]
        outer, inner = " " * self.indent * level, " " * self.indent * (level + 1)
        rows = ",\n".join(inner + item for item in items)
        return f"{edges[0]}\n{rows}{self.trailing}\n{outer}{edges[1]}"


_JSON = _Notation(json.dumps, json.dumps, 2, "", "")
_PYTHON = _Notation(_python_scalar, _python_scalar, 4, "", ",")
_JAVASCRIPT = _Notation(_javascript_scalar, _javascript_key, 2, " ", ",")
