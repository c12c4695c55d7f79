"""A schema that takes files, and what a test needs to send them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

import strawberry
from starlette.datastructures import UploadFile
from strawberry.file_uploads import Upload

from watchword import Public, SignedIn

BOUNDARY = "b0undary"
PREFLIGHTED = {"graphql-require-preflight": "1"}
READ = "mutation($file: Upload!) { read(file: $file) }"

kept: list[UploadFile] = []
"""The files that `keep` was given."""
waiting = asyncio.Event()
"""Set when the resolver `wait` has begun."""


async def told(file: UploadFile) -> str:
    """Return what a resolver sees of a file: its name, type, size and the hash of its content."""
    content = await file.read()
    digest = hashlib.sha256(content).hexdigest()[:8]
    return f"{file.filename} {file.content_type} {file.size} {digest}"


@strawberry.input
class Album:
    title: str
    photos: list[Upload]
    cover: Upload | None = None


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    async def size(self, file: Upload) -> int:
        return len(await file.read())  # type: ignore[attr-defined]


@strawberry.type
class Mutation:
    @strawberry.mutation(permission_classes=[Public])
    async def read(self, file: Upload | None) -> str | None:
        return None if file is None else await told(file)  # type: ignore[arg-type]

    @strawberry.mutation(permission_classes=[Public])
    async def read_all(self, files: list[Upload]) -> list[str]:
        return [await told(file) for file in files]  # type: ignore[arg-type]

    @strawberry.mutation(permission_classes=[Public])
    async def read_album(self, album: Album) -> list[str]:
        files = [*album.photos, *([album.cover] if album.cover else [])]
        return [album.title, *[await told(file) for file in files]]  # type: ignore[arg-type]

    @strawberry.mutation(permission_classes=[Public])
    async def keep(self, file: Upload) -> bool:
        kept.append(file)  # type: ignore[arg-type]
        return True

    @strawberry.mutation(permission_classes=[Public])
    async def wait(self, file: Upload) -> bool:
        kept.append(file)  # type: ignore[arg-type]
        waiting.set()
        await asyncio.Event().wait()
        return True

    @strawberry.mutation(permission_classes=[SignedIn])
    async def mine(self, file: Upload) -> str:
        return await told(file)  # type: ignore[arg-type]


schema = strawberry.Schema(Query, Mutation)

Field = tuple[str, str | bytes] | tuple[str, str | bytes, str]


def part(name: str, content: str | bytes, filename: str | None = None, *headers: str) -> bytes:
    """Return one part of a form."""
    named = "" if filename is None else f'; filename="{filename}"'
    lines = [f'Content-Disposition: form-data; name="{name}"{named}', *headers]
    head = "".join(f"{line}\r\n" for line in lines).encode()
    body = content.encode() if isinstance(content, str) else content
    return f"--{BOUNDARY}\r\n".encode() + head + b"\r\n" + body + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


def form(*parts: bytes, end: bytes = END) -> bytes:
    """Return a whole form."""
    return b"".join(parts) + end


def operations(query: str = READ, **variables: object) -> bytes:
    """Return the first part of a form."""
    return part("operations", json.dumps({"query": query, "variables": variables}))


def places(**paths: Sequence[str]) -> bytes:
    """Return the second part of a form."""
    return part("map", json.dumps(paths))


def upload(content: str | bytes = "hello", filename: str = "a.txt", *headers: str) -> bytes:
    """Return a whole form with one file for `READ`."""
    return form(
        operations(file=None),
        places(f=["variables.file"]),
        part("f", content, filename, *headers),
    )


def form_headers(**headers: str) -> dict[str, str]:
    """Return the headers of a form."""
    return {
        "content-type": f"multipart/form-data; boundary={BOUNDARY}",
        **PREFLIGHTED,
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }


def open_files(home: Path) -> list[str]:
    """Return the files below a directory that this process has open, deleted ones too."""
    found = []
    for number in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{number}")
        except OSError:
            continue
        if target.startswith(str(home / "uploads")):
            found.append(target)
    return found
