"""A progress bar, on the terminal or in a notebook."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from types import TracebackType
from typing import Any, Self


class Progress:
    """`shown`: None shows it where standard error is a terminal, and in notebooks."""

    def __init__(self, shown: bool | None, label: str) -> None:
        self._bar: Any = None
        if shown is None:
            shown = sys.stderr is not None and sys.stderr.isatty()
            shown = shown or in_notebook()
        if shown:
            # Without ipywidgets, tqdm's own choice would warn.
            if in_notebook() and find_spec("ipywidgets"):
                from tqdm.notebook import tqdm
            else:
                from tqdm import tqdm

            self._bar = tqdm(
                total=100,
                desc=label,
                unit="%",
                bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed}",
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def tell(self, fraction: float | None, text: str) -> None:
        if self._bar is not None:
            self._bar.set_description_str(text, refresh=False)
            self._bar.n = round(100 * (fraction or 0.0))
            self._bar.refresh()


def in_notebook() -> bool:
    """Whether this is a Jupyter kernel."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return type(shell).__name__ == "ZMQInteractiveShell"
