"""The other end of `probe`: takes a request on stdin and answers on stdout, both JSON."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from typing import Any

from exchanges.domain import InvalidInput

from . import inspection, probe


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


def _main() -> None:
    request = json.loads(sys.stdin.buffer.read())
    # What the file prints must not mix with the answer.
    out = os.dup(1)
    os.dup2(2, 1)
    answer = json.dumps(_answer(**request))
    with os.fdopen(out, "w") as stream:
        stream.write(answer)
    # The file's threads and exit handlers have no say any more.
    os._exit(0)


if __name__ == "__main__":
    _main()
