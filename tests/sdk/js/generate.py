"""`python -m tests.sdk.js.generate`: the files of sdk/js that follow from the OpenAPI schema."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from . import package

FILES = ("schema.ts", "models.ts", "codes.ts")


def schema() -> dict[str, Any]:
    """What GET /api/v1/schema answers."""
    from drf_spectacular.generators import SchemaGenerator
    from drf_spectacular.renderers import OpenApiJsonRenderer

    made = SchemaGenerator().get_schema(request=None, public=True)
    return dict(json.loads(OpenApiJsonRenderer().render(made)))


def write(found: dict[str, Any], folder: Path) -> None:
    """FILES, into a folder."""
    with tempfile.TemporaryDirectory() as aside:
        source = Path(aside) / "schema.json"
        source.write_text(json.dumps(found))
        package.run(package.NODE, "scripts/generate.mjs", str(source), str(folder))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cracktrader_site.settings")
    import django

    django.setup()
    package.install()
    write(schema(), package.PACKAGE / "src")
