"""The other end of `probe`: takes a request on stdin and answers on stdout, both JSON."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import Any

from exchanges.domain import InvalidInput

from . import children, inspection, probe


def _answer(do: str, **asked: Any) -> dict[str, Any]:
    try:
        if do == "read":
            return asdict(probe.read(**asked))
        values = asked.pop("params")
        if do == "inspect":
            dumped, warmup = inspection.inspect_here(**asked, values=values)
            return {"params": dumped, "warmup": warmup}
        # Seconds of computing: whoever asks the server for more comes first.
        os.nice(10)
        return asdict(probe.check_here(**asked, values=values))
    except InvalidInput as error:
        return {"refused": (error.code, error.message, error.details)}


def _answered(request: bytes) -> bytes:
    return json.dumps(_answer(**json.loads(request))).encode()


if __name__ == "__main__":
    children.answer(_answered)
