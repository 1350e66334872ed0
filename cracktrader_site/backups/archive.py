"""The file of a backup: a tar whose last members tell what all others must be.

    cracktrader.json            format, when and by what it was made
    tables/<table>.jsonl.gz     a JSON array a row, in the order of the manifest's columns
    artifacts/<sha256>.parquet  finished runs' tables
    strategies/…, candles/…     files as they lie in the home
    secrets.json                only where it was asked for
    manifest.json               see `Manifest`
    manifest.sha256             its hash, as `sha256sum` writes it; not in format 1

Any `tar` opens it.  What was cut off, or differs from its SHA-256, is refused.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from exchanges.candle_files import flush_directory
from exchanges.domain import InvalidInput

FORMAT, WITHOUT_HASH = 2, 1
HEAD, MANIFEST, SECRETS = "cracktrader.json", "manifest.json", "secrets.json"
MANIFEST_HASH = "manifest.sha256"
_PIECE = 1 << 20
_LARGEST_MANIFEST, _LONGEST_LINE = 1 << 28, 200


@dataclass(slots=True)
class Manifest:
    """`files`: member → [bytes, SHA-256].  `missing`: artifacts that rows name and nobody has."""

    format: int = FORMAT
    made_at: str = ""
    version: str = ""
    machine: str = ""
    database: str = ""
    migrations: list[tuple[str, str]] = field(default_factory=list)
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    files: dict[str, tuple[int, str]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return sum(table["rows"] for table in self.tables.values())

    def under(self, folder: str) -> list[str]:
        return [name for name in self.files if name.startswith(f"{folder}/")]


class Writer:
    def __init__(self, tar: tarfile.TarFile, manifest: Manifest) -> None:
        self._tar, self.manifest = tar, manifest
        head = {"format": FORMAT, "made_at": manifest.made_at, "version": manifest.version}
        self.add_json(HEAD, head)

    def add_json(self, name: str, value: Any) -> str:
        content = json.dumps(value, indent=1).encode()
        return self.add(name, io.BytesIO(content), len(content))

    def add(self, name: str, file: IO[bytes], size: int) -> str:
        """Its SHA-256.  Raises OSError where the file is shorter than `size`."""
        hashing = _Hashing(file)
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, 0o600
        self._tar.addfile(info, hashing)  # type: ignore[arg-type]
        digest = hashing.digest.hexdigest()
        self.manifest.files[name] = (size, digest)
        return digest


class _Hashing:
    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.digest = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(size)
        self.digest.update(piece)
        return piece


@contextmanager
def writing(path: Path, manifest: Manifest) -> Iterator[Writer]:
    """The file is there when the block has ended well, and readable by its owner alone."""
    if path.exists():
        raise InvalidInput("FILE_EXISTS", f"{path} is there already", file=str(path))
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise InvalidInput("FILE_NOT_FOUND", f"{part} cannot be made: {error.strerror}") from None
    try:
        with open(descriptor, "wb") as file:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
                writer = Writer(tar, manifest)
                yield writer
                line = _hash_line(writer.add_json(MANIFEST, asdict(manifest)))
                writer.add(MANIFEST_HASH, io.BytesIO(line), len(line))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        flush_directory(path.parent)
    finally:
        part.unlink(missing_ok=True)


class Reader:
    """A backup that is whole: `opened` has compared every byte of it."""

    def __init__(self, tar: tarfile.TarFile, manifest: Manifest) -> None:
        self._tar, self.manifest = tar, manifest
        # By name the tar looks through all of them.
        self._members = {member.name: member for member in tar.getmembers()}

    def file(self, name: str) -> IO[bytes]:
        found = self._tar.extractfile(self._members[name])
        if found is None:
            raise _damaged(f"{name} is no file")
        return found

    def json(self, name: str) -> Any:
        with self.file(name) as file:
            return json.load(file)


@contextmanager
def opened(path: Path) -> Iterator[Reader]:
    """Raises FILE_NOT_FOUND, and DAMAGED_BACKUP for what is no whole backup."""
    try:
        tar = tarfile.open(path, "r:")  # noqa: SIM115 - closed below
    except FileNotFoundError:
        raise InvalidInput("FILE_NOT_FOUND", f"There is no {path}", file=str(path)) from None
    except (tarfile.TarError, OSError, EOFError) as error:
        raise _damaged(str(error)) from None
    with tar:
        try:
            manifest = _verify(tar)
        except (tarfile.TarError, OSError, EOFError, ValueError, TypeError, KeyError) as error:
            raise _damaged(f"{type(error).__name__}: {error}"[:200]) from None
        yield Reader(tar, manifest)


def _verify(tar: tarfile.TarFile) -> Manifest:
    found: dict[str, tuple[int, str]] = {}
    manifest, said = Manifest(), b""
    for member in tar:
        content = tar.extractfile(member)
        after = MANIFEST in found and member.name != MANIFEST_HASH
        if content is None or member.name in found or after:
            raise _damaged(f"{member.name} does not belong there")
        if member.name == MANIFEST_HASH:
            said = content.read(_LONGEST_LINE)
        if member.name == MANIFEST:
            if member.size > _LARGEST_MANIFEST:
                raise _damaged("its manifest is too large")
            manifest = _parse(json.load(content))
        found[member.name] = (member.size, _digest(content, member.size))
    if MANIFEST not in found:
        raise _damaged("it has no manifest: it was cut off, or is no backup")
    _, digest = found.pop(MANIFEST)
    found.pop(MANIFEST_HASH, None)
    if said != (b"" if manifest.format == WITHOUT_HASH else _hash_line(digest)):
        raise _damaged("its manifest is not what it was when the backup was made")
    if differing := [
        n for n in {**found, **manifest.files} if found.get(n) != manifest.files.get(n)
    ]:
        raise _damaged(f"{differing[0]} is not what it was when the backup was made")
    if bad := [name for name in found if not _is_plain(name)]:
        raise _damaged(f"{bad[0]} does not belong there")
    return manifest


def _parse(told: Mapping[str, Any]) -> Manifest:
    if told["format"] not in (FORMAT, WITHOUT_HASH):
        raise InvalidInput(
            "UNKNOWN_BACKUP",
            f"The backup has format {told['format']}, and this server knows {FORMAT} at most",
        )
    manifest = Manifest(**told)
    manifest.files = {name: (size, digest) for name, (size, digest) in told["files"].items()}
    manifest.migrations = [(app, name) for app, name in told["migrations"]]
    return manifest


def _digest(content: IO[bytes], size: int) -> str:
    content.seek(0)
    digest, read = hashlib.sha256(), 0
    while piece := content.read(_PIECE):
        digest.update(piece)
        read += len(piece)
    if read != size:
        raise _damaged("it was cut off")
    return digest.hexdigest()


def _hash_line(digest: str) -> bytes:
    return f"{digest}  {MANIFEST}\n".encode()


def _is_plain(name: str) -> bool:
    """Whether it stays in the folder it is put into."""
    return not ({"", ".", ".."} & set(name.split("/"))) and "\\" not in name and "\0" not in name


def _damaged(why: str) -> InvalidInput:
    return InvalidInput("DAMAGED_BACKUP", f"The backup is damaged: {why}")
