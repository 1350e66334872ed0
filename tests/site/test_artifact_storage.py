"""Results in files, in the database and in a bucket: the same by whichever way."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import connection
from moto.server import ThreadedMotoServer

from cracktrader_site import artifact_storage
from cracktrader_site.models import StoredFile
from runs import recorder
from runs.models import Artifact
from tests.desk import free_port

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    import boto3

    port = free_port()
    server = ThreadedMotoServer(port=port, verbose=False)
    server.start()
    kept = dict(os.environ)
    os.environ |= {"AWS_ACCESS_KEY_ID": "of-a-test", "AWS_SECRET_ACCESS_KEY": "of-a-test"}
    url = f"http://127.0.0.1:{port}"
    # It keeps what an earlier server of this process held.
    httpx.post(f"{url}/moto-api/reset").raise_for_status()
    boto3.client("s3", endpoint_url=url, region_name="us-east-1").create_bucket(Bucket="desk")
    try:
        yield f"s3://desk/results?endpoint={url}&region=us-east-1"
    finally:
        server.stop()
        os.environ.clear()
        os.environ.update(kept)


@pytest.fixture(params=["files", "database", "bucket"])
def place(request: Any, settings: Any, tmp_path: Any) -> str:
    kind = str(request.param)
    address = request.getfixturevalue("bucket") if kind == "bucket" else kind
    chosen = artifact_storage.storage(artifact_storage.parse(address), tmp_path, "any")
    settings.STORAGES = settings.STORAGES | {"artifacts": chosen}
    return kind


def artifact(content: bytes) -> Artifact:
    return Artifact(sha256=hashlib.sha256(content).hexdigest(), size=len(content))


def test_what_is_stored_is_read_back_and_kept_once(place: str) -> None:
    contents = [b"PAR1 of one run", b"PAR1 of another", os.urandom(3_000_000)]
    hashes = recorder.store_all([*contents, contents[0]])
    assert hashes == [artifact(content).sha256 for content in (*contents, contents[0])]
    for content in contents:
        assert recorder.load(artifact(content)) == content
        assert storages["artifacts"].size(artifact(content).path) == len(content)
    if place == "database":
        assert StoredFile.objects.count() == 3


def test_what_is_not_there_is_not_found(place: str) -> None:
    with pytest.raises(FileNotFoundError):
        recorder.load(artifact(b"never stored"))


def test_a_damaged_one_is_replaced(place: str) -> None:
    content = b"PAR1 as it should be"
    path = artifact(content).path
    storages["artifacts"].save(path, ContentFile(b"PAR1 as it should n"))
    recorder.store(content)
    assert recorder.load(artifact(content)) == content


def test_the_database_takes_large_files_and_lists_them(settings: Any) -> None:
    storage = artifact_storage.parse("database")
    settings.STORAGES = settings.STORAGES | {"artifacts": storage}
    content = os.urandom(1 << 20) * 50
    digest = recorder.store(content)
    assert recorder.load(artifact(content)) == content
    assert storages["artifacts"].listdir("") == ([digest[:2]], [])
    assert storages["artifacts"].listdir(digest[:2]) == ([], [f"{digest}.parquet"])


@pytest.mark.django_db(transaction=True)
def test_many_that_store_the_same_at_once_store_it_once(settings: Any) -> None:
    settings.STORAGES = settings.STORAGES | {"artifacts": artifact_storage.parse("database")}
    failures: list[Exception] = []

    def store() -> None:
        try:
            recorder.store(b"PAR1 the same")
        except Exception as error:  # noqa: BLE001
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=store) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert StoredFile.objects.count() == 1


@pytest.mark.parametrize(
    "address",
    [
        "s3://",
        "s3:///prefix",
        "gs://bucket",
        "s3://key:secret@bucket",
        "s3://bucket?acl=public-read",
        "elsewhere",
    ],
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ValueError):
        artifact_storage.parse(address)


def test_a_bucket_without_its_package_says_what_to_install(monkeypatch: Any) -> None:
    monkeypatch.setattr(artifact_storage, "find_spec", lambda name: None)
    with pytest.raises(ImproperlyConfigured, match="pip install 'django-storages"):
        artifact_storage.parse("s3://bucket")


def test_several_machines_share_the_database_by_themselves(tmp_path: Any) -> None:
    engines = ("django.db.backends.sqlite3", "django.db.backends.postgresql")
    alone, together = (artifact_storage.storage(None, tmp_path, engine) for engine in engines)
    assert alone["OPTIONS"]["location"] == tmp_path
    assert "DatabaseStorage" in together["BACKEND"]
