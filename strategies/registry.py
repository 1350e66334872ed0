"""From a stored source text to a strategy class.

The only way a name becomes code: a source is executed in a module of its own,
once a process unless asked for anew, and the class is taken from what that module
defines.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import linecache
import re
import sys
import threading
import traceback
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from exchanges.domain import InvalidInput

from .base import AnyStrategy, Params, PortfolioStrategy, Strategy

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}", re.ASCII)

_modules: dict[str, ModuleType] = {}
_lock = threading.RLock()


@dataclass(frozen=True, slots=True)
class Description:
    """What is worth knowing of a strategy without running it; all of it JSON."""

    name: str
    kind: str
    description: str
    params_schema: dict[str, Any]
    defaults: dict[str, Any]


def source_hash(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()


def load(source: str, name: str) -> type[AnyStrategy]:
    """The strategy class `name` that `source` defines.  Raises STRATEGY_BROKEN."""
    found = strategies_in(source)
    try:
        return found[name]
    except KeyError:
        raise _broken(
            f"the source does not define a strategy {name!r}", found=list(found)
        ) from None


def load_anew(source: str, name: str) -> type[AnyStrategy]:
    """The same from a new module: what the one before has come to remember is not in it."""
    with _lock:
        _modules.pop(source_hash(source), None)
        return load(source, name)


def strategies_in(source: str) -> dict[str, type[AnyStrategy]]:
    """Every concrete strategy defined (not imported) in `source`, by class name.

    Raises STRATEGY_BROKEN when the source does not run or when one of its classes
    cannot be used.  Lets stops and time-outs through, which are no `Exception`.
    """
    module = _execute(source)
    own = {
        name: value
        for name, value in vars(module).items()
        if inspect.isclass(value)
        and issubclass(value, Strategy | PortfolioStrategy)
        and value.__module__ == module.__name__
        and value.__name__ == name
        and not name.startswith("_")
    }
    for name, cls in own.items():
        extended = any(other is not cls and issubclass(other, cls) for other in own.values())
        if inspect.isabstract(cls) and not extended:
            missing = ", ".join(sorted(cls.__abstractmethods__))
            raise _broken(f"{name} lacks {missing}")
    return {name: cls for name, cls in own.items() if not inspect.isabstract(cls)}


def describe(cls: type[AnyStrategy]) -> Description:
    """Raises STRATEGY_BROKEN when name, parameters or warm-up are not as they must be."""
    name = cls.__name__
    if not NAME.fullmatch(name):
        raise _broken(f"{name!r} is no name for a strategy: ASCII letters, digits and _")
    params = getattr(cls, "Params", None)
    if not (inspect.isclass(params) and issubclass(params, Params)):
        raise _broken(f"{name}.Params must be a subclass of strategies.base.Params")
    try:
        schema = params.model_json_schema()
        # Round trip: NaN or an odd type in a default must fail here, not on the wire.
        schema = json.loads(json.dumps(schema, allow_nan=False))
        required = any(field.is_required() for field in params.model_fields.values())
        defaults = {} if required else params().model_dump(mode="json")
        json.dumps(defaults, allow_nan=False)
        warmup = 0 if required else cls().warmup(params())
    except Exception as error:
        raise _broken(f"{name}: {_tell(error)}") from error
    if isinstance(warmup, bool) or not isinstance(warmup, int) or warmup < 0:
        raise _broken(f"{name}.warmup must give a number of bars, not {warmup!r:.80}")
    kind = "portfolio" if issubclass(cls, PortfolioStrategy) else "strategy"
    return Description(name, kind, cls.description(), schema, defaults)


def _execute(source: str) -> ModuleType:
    digest = source_hash(source)
    with _lock:
        if digest in _modules:
            return _modules[digest]
        module = ModuleType(f"strategies.stored_{digest}")
        filename = f"<strategy {digest[:12]}>"
        # Tracebacks show the stored lines; pydantic and dataclasses resolve
        # annotations through sys.modules.
        linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
        sys.modules[module.__name__] = module
        try:
            exec(compile(source, filename, "exec", dont_inherit=True), module.__dict__)  # noqa: S102
        except BaseException as error:
            del sys.modules[module.__name__]
            kind = type(error)
            own = isinstance(error, Exception) or kind is SystemExit
            if own or kind.__module__ == module.__name__:
                raise _broken(_tell(error, filename)) from error
            # A stop or a time limit came in meanwhile: no fault of the source.
            raise
        _modules[digest] = module
        return module


def _tell(error: BaseException, filename: str = "") -> str:
    """One line a trader can act on: what, and in which line of the file."""
    text = f"{type(error).__name__}: {error}".strip().splitlines()[0][:300]
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: {type(error).__name__}: {error.msg}"
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == filename]
    return f"line {lines[-1]}: {text}" if lines else text


def _broken(message: str, **details: Any) -> InvalidInput:
    return InvalidInput("STRATEGY_BROKEN", message, **details)
