"""A form is read part by part, wherever its bytes are split."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.upload_schema import BOUNDARY, END, part
from watchword.errors import BadUserInput
from watchword.transports.http.form import FormReader, boundary_of


class Pieces:
    """A body in pieces."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = [*pieces]

    async def chunk(self) -> bytes | None:
        return self._pieces.pop(0) if self._pieces else None


async def read(*pieces: bytes) -> list[tuple[str, str | None, bytes]]:
    reader, found = FormReader(Pieces(*pieces), BOUNDARY.encode()), []
    while (head := await reader.part()) is not None:
        content = b""
        while (data := await reader.data()) is not None:
            content += data
        found.append((head.name, head.filename, content))
    return found


CONTENTS = st.binary(max_size=200) | st.sampled_from(
    [b"\r\n", b"\r\n--", f"\r\n--{BOUNDARY}x".encode(), f"--{BOUNDARY}--\r\n".encode(), b"\r\n--b0und"]
)  # fmt: skip


@given(st.lists(CONTENTS, min_size=1, max_size=4), st.lists(st.integers(0, 1_500), max_size=6))
async def test_the_parts_are_the_same_however_the_body_is_split(
    contents: list[bytes], cuts: list[int]
) -> None:
    body = b"".join(part(f"n{n}", content, "a.txt") for n, content in enumerate(contents)) + END
    places = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    pieces = [body[start:end] for start, end in zip(places, places[1:], strict=False)]
    assert await read(*pieces) == [(f"n{n}", "a.txt", each) for n, each in enumerate(contents)]


async def test_a_part_that_is_not_read_is_skipped() -> None:
    reader = FormReader(Pieces(part("a", "x" * 100) + part("b", "y") + END), BOUNDARY.encode())
    heads = [await reader.part() for _ in range(3)]
    assert [head and head.name for head in heads] == ["a", "b", None]


async def test_a_part_has_its_headers_and_no_more_data_than_its_own() -> None:
    reader = FormReader(
        Pieces(part("a", "x", "a.png", "Content-Type: image/png") + END), BOUNDARY.encode()
    )
    head = await reader.part()
    assert head is not None
    assert head.headers[1] == (b"content-type", b"image/png")
    assert [await reader.data() for _ in range(3)] == [b"x", None, None]


@pytest.mark.parametrize(
    ("sent", "filename"),
    [
        ("Überblick.pdf", "Überblick.pdf"),
        ("Bildschirmfoto um 3.04\N{NARROW NO-BREAK SPACE}PM.png", "Bildschirmfoto um 3.04\N{NARROW NO-BREAK SPACE}PM.png"),
        ("../../etc/passwd", "../../etc/passwd"),
        ("", ""),
        (None, None),
    ],
)  # fmt: skip
async def test_a_file_has_the_name_that_the_client_sent(
    sent: str | None, filename: str | None
) -> None:
    assert await read(part("a", "x", sent) + END) == [("a", filename, b"x")]


async def test_a_name_in_latin_1_is_read_as_such() -> None:
    body = part("a", "x", "NAME").replace(b"NAME", "é.txt".encode("latin-1")) + END
    assert (await read(body))[0][1] == "é.txt"


def test_the_boundary_is_read_from_the_content_type() -> None:
    assert boundary_of('multipart/form-data; charset=utf-8; boundary="a b"') == b"a b"
    with pytest.raises(BadUserInput, match="no boundary"):
        boundary_of("multipart/form-data")


async def test_a_body_that_ends_early_is_refused() -> None:
    with pytest.raises(BadUserInput, match="before its last boundary"):
        await read(part("a", "x"))
