"""A look-alike in a process of its own, which outlives the processes under test."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

_ROOT = Path(__file__).resolve().parents[2]


class RemoteVenue:
    """`with RemoteVenue("--seed", "7") as venue: venue.do("price", symbol=…, price="1.5")`."""

    def __init__(self, *arguments: str, url: str = "") -> None:
        """With a `url` that one is spoken to, and no process is started."""
        self._arguments = arguments
        self._process: subprocess.Popen[str] | None = None
        self.url = url

    @property
    def sandbox_url(self) -> str:
        return f"{self.url}/sandbox"

    def do(self, command: str, **arguments: Any) -> Any:
        """One command of `control`.  Raises RuntimeError with the venue's reason."""
        request = Request(
            f"{self.url}/control/{command}", json.dumps(arguments).encode(), method="POST"
        )
        try:
            with urlopen(request, timeout=30) as answer:
                return json.load(answer)["result"]
        except HTTPError as error:
            with error:
                raise RuntimeError(json.load(error)["error"]) from None

    def dump(self) -> dict[str, Any]:
        books: dict[str, Any] = self.do("dump")
        return books

    def __enter__(self) -> RemoteVenue:
        if not self.url:
            command = [sys.executable, "-m", "tests.venue", "--until-eof", *self._arguments]
            self._process = subprocess.Popen(
                command,
                cwd=_ROOT,
                stdin=subprocess.PIPE,  # closed when this process dies, whatever it dies of
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
            assert self._process.stdout is not None
            self.url = self._process.stdout.readline().strip()
            if not self.url:
                raise RuntimeError("the venue did not start")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.communicate(timeout=10)
