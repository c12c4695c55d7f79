"""Requests with files: GraphQL multipart requests, https://github.com/jaydenseric/graphql-multipart-request-spec.

The form has the field `operations`, then `map`, then the files that `map` names. A resolver gets each file as
Starlette's `UploadFile`, as under Strawberry's own view. Files are deleted when the request is over.
"""

from __future__ import annotations

from json import JSONDecodeError
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, NamedTuple, cast

from starlette.datastructures import Headers as StarletteHeaders
from starlette.datastructures import UploadFile

from watchword.asgi.types import BodyReader, BodyTooLarge, Message, Receive, Table, check_content
from watchword.asgi.wire import allow_body
from watchword.config.settings import Settings
from watchword.errors import BadUserInput, TimedOut, TooSlowBody, Unsafe
from watchword.formats.exact_json import decode
from watchword.libraries.strawberry_parts import definition, takes_files
from watchword.process.clock import Clock
from watchword.process.deadline import limited
from watchword.process.eager import in_task
from watchword.throttling.ceiling import Ceiling
from watchword.transports.http import form
from watchword.transports.http.form import FormReader, Head, boundary_of
from watchword.transports.pipeline import Pipeline
from watchword.transports.request import Files, GraphQLRequest, read

CONTENT_TYPE = "multipart/form-data"
# Any web page can send a form without a preflight, but none of these headers (CSRF). Apollo's clients and routers
# know the last three.
PREFLIGHTED = (
    b"authorization",
    b"graphql-require-preflight",
    b"apollo-require-preflight",
    b"x-apollo-operation-name",
)
# Seconds that the server's own limit on a body's time is longer than ours, so that the client gets our answer.
LATER = 5.0
# Digits of an index in a path.
LONGEST_INDEX = 6


class Place(NamedTuple):
    """A place in the variables: an object or a list, and a key or an index in it."""

    inside: Any
    at: str | int


class Spool(SpooledTemporaryFile[bytes]):
    """A file in memory that moves to the disk when it grows.

    A thread moves it. If the request is cut off meanwhile, the thread makes a file after this was closed, which would stay
    open until a collection of garbage.
    """

    _is_over = False

    def close(self) -> None:
        self._is_over = True
        super().close()

    def rollover(self) -> None:
        try:
            super().rollover()
        finally:
            if self._is_over:
                super().close()


class Uploads:
    """Reads requests with files, with the limits of the settings."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        """Raises `Unsafe` if python-multipart is not installed."""
        if not form.IS_INSTALLED:
            raise Unsafe(
                "The schema has the scalar Upload, which needs python-multipart: install watchword[uploads], or"
                " set WATCHWORD_UPLOADS=false."
            )
        self._settings = settings
        self._clock = clock
        self._ceiling = Ceiling(settings)
        self._open = self._ceiling.uploads()

    async def receive(
        self, scope: Message, headers: Table, receive: Receive, address: str
    ) -> GraphQLRequest:
        """Read a request, which must be used in the block of its `files`.

        Raises `BadUserInput`, `UnsupportedContent`, `RateLimited`, `Gone`, and what `request.read` raises. No file is left then.
        """
        _check_preflight(headers)
        check_content(headers, CONTENT_TYPE)
        boundary = boundary_of(headers[b"content-type"].decode("latin-1"))
        await in_task()
        files = Files()
        files.on_close(self._open.take(address).give_back)
        try:
            return await self._in_time(scope, headers, receive, boundary, files)
        except BaseException:
            files.close()
            raise

    async def _in_time(
        self, scope: Message, headers: Table, receive: Receive, boundary: bytes, files: Files
    ) -> GraphQLRequest:
        seconds = self._ceiling.most("upload_seconds")
        allow_body(scope, seconds + LATER)
        try:
            body = BodyReader(headers, receive, self._ceiling.most("upload_bytes"))
            reader = FormReader(body, boundary)
            return await limited(self._clock, seconds, self._read(reader, files))
        except TimedOut:
            raise TooSlowBody(seconds) from None
        except BodyTooLarge:
            raise self._ceiling.refusal("upload_bytes", "The body") from None

    async def _read(self, reader: FormReader, files: Files) -> GraphQLRequest:
        request = read(await self._json(reader, "operations"))
        places = self._places(await self._json(reader, "map"), request.variables)
        while (head := await reader.part()) is not None:
            if (places_of_file := places.pop(head.name, None)) is None:
                raise BadUserInput(
                    f"The field {head.name[:100]!r} is not in the field 'map', or came before."
                )
            file = await self._file(reader, head, files)
            for place in places_of_file:
                place.inside[place.at] = file
        for name in places:
            raise BadUserInput(f"The file {name[:100]!r} of the field 'map' is missing.")
        return request._replace(files=files)

    async def _json(self, reader: FormReader, name: str) -> Any:
        """Read the next part, which must be the field of this name, as JSON."""
        head = await reader.part()
        if head is None or head.name != name:
            raise BadUserInput(
                "A form must have the field 'operations', then 'map', and then the files."
            )
        text = bytearray()
        while (data := await reader.data()) is not None:
            text += data
            self._ceiling.check("body_bytes", len(text), f"The field {name!r}")
        try:
            return decode(bytes(text))
        except JSONDecodeError as error:
            raise BadUserInput(f"The field {name!r} is not JSON: {error.msg}.") from error

    def _places(self, given: Any, variables: dict[str, Any] | None) -> dict[str, list[Place]]:
        """Return the places in the variables of each file that a map names."""
        if not isinstance(given, dict) or not all(map(_is_paths, given.values())):
            raise BadUserInput(
                "The field 'map' must be an object that gives the paths of each file as a list."
            )
        self._ceiling.check("upload_files", len(given))
        found = {name: [_place(path, variables) for path in paths] for name, paths in given.items()}
        taken = [(id(place.inside), place.at) for places in found.values() for place in places]
        if len({*taken}) < len(taken):
            raise BadUserInput("The field 'map' gives one place in the variables to two files.")
        return found

    async def _file(self, reader: FormReader, head: Head, files: Files) -> UploadFile:
        settings = self._settings
        spool = Spool(settings.upload_memory_bytes, dir=_directory(settings.home))
        file = UploadFile(
            cast(BinaryIO, spool),
            size=0,
            filename=head.filename,
            headers=StarletteHeaders(raw=head.headers),
        )
        # Not `UploadFile.close`, which waits for a thread, and would not if this task is cancelled.
        files.on_close(spool.close)
        size = 0
        while (data := await reader.data()) is not None:
            size += len(data)
            self._ceiling.check("upload_file_bytes", size, f"The file {head.name[:100]!r}")
            await file.write(data)
        await file.seek(0)
        return file


def make_uploads(pipeline: Pipeline) -> Uploads | None:
    """Return what reads requests with files; None if the schema takes none, or the settings allow none."""
    if not takes_files(definition(pipeline.engine.schema)) or not pipeline.settings.uploads:
        return None
    return Uploads(pipeline.settings, pipeline.services.clock)


def is_form(headers: Table) -> bool:
    """Tell whether a request's body is a form that may hold files."""
    return headers.get(b"content-type", b"")[: len(CONTENT_TYPE)].lower() == CONTENT_TYPE.encode()


def _check_preflight(headers: Table) -> None:
    if not any(headers.get(name) for name in PREFLIGHTED):
        raise BadUserInput(
            "A request with files must show that it is not from another site's form: send the header"
            " Authorization, or GraphQL-Require-Preflight: 1."
        )


def _is_paths(given: object) -> bool:
    return isinstance(given, list) and all(isinstance(each, str) for each in given)


def _place(path: str, variables: dict[str, Any] | None) -> Place:
    """Find a path such as `variables.input.files.0`, which must lead to a null."""
    first, *keys = path.split(".")
    place: Place | None = None
    value: Any = variables if first == "variables" else None
    for key in keys:
        at: str | int = key
        if isinstance(value, list):
            at = int(key) if key.isdecimal() and len(key) <= LONGEST_INDEX else len(value)
            is_there = at < len(value)
        else:
            is_there = isinstance(value, dict) and key in value
        if not is_there:
            break
        place, value = Place(value, at), value[at]
    else:
        if place is not None and value is None:
            return place
    raise BadUserInput(
        f"The path {path[:100]!r} in the field 'map' does not lead to a null in the variables."
    )


def _directory(home: Path) -> str:
    path = home / "uploads"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return str(path)
