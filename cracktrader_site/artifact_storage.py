"""Where finished runs' tables are kept: in files, in the database, or in a bucket."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.core.exceptions import ImproperlyConfigured

FILES, DATABASE = "files", "database"
KIND = "files, database or s3://bucket/prefix?endpoint=https://…&region=…"
_OPTIONS = {"endpoint": "endpoint_url", "region": "region_name"}


def parse(place: str) -> dict[str, Any]:
    """The place as Django's STORAGES want it; files still lack their folder.

    Raises ValueError, and ImproperlyConfigured where a package is missing.
    """
    if place == FILES:
        return {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {}}
    if place == DATABASE:
        return {"BACKEND": "cracktrader_site.database_storage.DatabaseStorage"}
    return _bucket(place)


def _bucket(place: str) -> dict[str, Any]:
    """What signs in comes from where Amazon's own tools look for it, never from the address."""
    url = urlsplit(place)
    given = dict(parse_qsl(url.query, strict_parsing=bool(url.query)))
    if url.scheme != "s3" or not url.netloc or "@" in url.netloc or given.keys() - _OPTIONS:
        raise ValueError
    if find_spec("storages") is None or find_spec("boto3") is None:
        raise ImproperlyConfigured(
            "CRACKTRADER_ARTIFACTS names a bucket, which needs a package: "
            "pip install 'django-storages[s3]'"
        )
    options = {_OPTIONS[name]: value for name, value in given.items()}
    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": url.netloc,
            "location": url.path.strip("/"),
            # A name is made of the content.
            "file_overwrite": True,
            "default_acl": None,
            **options,
        },
    }


def storage(chosen: dict[str, Any] | None, folder: Path, engine: str) -> dict[str, Any]:
    """`chosen`, else files beside a SQLite and the database of several machines."""
    if chosen is None:
        chosen = parse(FILES if engine.endswith("sqlite3") else DATABASE)
    if "FileSystem" in chosen["BACKEND"]:
        chosen["OPTIONS"] = {"location": folder, "base_url": None}
    return chosen
