"""Reads manifests of trusted documents, as builds of front ends write them.

Apollo's (https://www.apollographql.com/docs/graphos/platform/security/persisted-queries: `generate-persisted-query-manifest`)
lists operations; Relay's compiler and GraphQL Code Generator map ids to texts.
"""

from __future__ import annotations

from collections.abc import Iterator
from json import JSONDecodeError
from pathlib import Path
from typing import Any, NamedTuple

from watchword.errors import Unsafe
from watchword.execution.documents.automatic import SHA256, digest_of
from watchword.formats.exact_json import decode

APOLLO = "apollo-persisted-query-manifest"
FORMS = (
    "it must be Apollo's manifest, or an object that maps ids to documents, as Relay's compiler and GraphQL Code"
    " Generator write"
)


class Entry(NamedTuple):
    """One document of a manifest. `path` is the manifest's, `name` that of the document's operation, if it is known."""

    path: Path
    id: str
    text: str
    name: str | None = None

    @property
    def described(self) -> str:
        """What an operator finds the document by."""
        return f"{self.id} ({self.name})" if self.name else self.id


def manifests(path: Path) -> list[Path]:
    """Return the manifests of a directory (`*.json`), or the one that a path names."""
    return sorted(path.glob("*.json")) if path.is_dir() else [path]


def read_manifests(path: Path) -> list[Entry]:
    """Return the documents of a manifest, or of all manifests (`*.json`) of a directory.

    Raises `Unsafe` if there is none, if one cannot be read, or if one id stands for two documents.
    """
    entries = [entry for each in manifests(path) for entry in _read(each)]
    if not entries:
        raise Unsafe(
            f"{path} has no trusted documents: write a manifest there, or unset the setting."
        )
    known: dict[str, Entry] = {}
    for entry in entries:
        other = known.setdefault(entry.id, entry)
        if other.text != entry.text:
            raise Unsafe(
                f"The id {entry.id} stands for two documents, in {other.path} and in {entry.path}: remove one."
            )
    return list(known.values())


def _read(path: Path) -> Iterator[Entry]:
    try:
        manifest = decode(path.read_bytes())
    except OSError as error:
        raise Unsafe(f"The manifest {path} cannot be read: {error.strerror}.") from error
    except JSONDecodeError as error:
        raise Unsafe(f"The manifest {path} is not JSON: {error.msg}.") from error
    for given in _members(path, manifest):
        if not all(isinstance(each, str) and each for each in given[:2]):
            raise Unsafe(f"The manifest {path} has an entry without a text: {FORMS}.")
        entry = Entry(path, *given)
        if entry.id.startswith(SHA256) and entry.id != SHA256 + digest_of(entry.text):
            raise Unsafe(
                f"The id {entry.id} in {path} is not the hash of its document: build it anew."
            )
        yield entry


def _members(path: Path, manifest: Any) -> Iterator[tuple[Any, Any, Any]]:
    if not isinstance(manifest, dict):
        raise Unsafe(f"The manifest {path} cannot be used: {FORMS}.")
    if "format" not in manifest:
        yield from ((id, text, None) for id, text in manifest.items())
        return
    operations: Any = manifest.get("operations")
    if manifest["format"] != APOLLO or manifest.get("version") != 1 or not _are_objects(operations):
        raise Unsafe(f"The manifest {path} is not of version 1 of {APOLLO}: {FORMS}.")
    for each in operations:
        name = each.get("name")
        yield each.get("id"), each.get("body"), name if isinstance(name, str) else None


def _are_objects(given: Any) -> bool:
    return isinstance(given, list) and all(isinstance(each, dict) for each in given)
