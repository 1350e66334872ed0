"""plotly.js as the installed package carries it; found without importing plotly."""

from __future__ import annotations

from importlib import metadata, util
from pathlib import Path

VERSION = metadata.version("plotly")


def path() -> Path:
    spec = util.find_spec("plotly")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("the package plotly is not installed")
    return Path(spec.submodule_search_locations[0]) / "package_data" / "plotly.min.js"
