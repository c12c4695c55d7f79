"""Frames are what RFC 6455 says."""

from __future__ import annotations

import pytest
from websockets.frames import Frame, Opcode

from graph.transports.frames import frame_header


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65_535, 65_536, 100_000])
def test_a_frame_is_what_the_library_would_have_written(length: int) -> None:
    payload = b"x" * length
    expected = Frame(Opcode.TEXT, payload).serialize(mask=False)
    assert frame_header(length) + payload == expected
