"""Frames are what RFC 6455 says, and a server that cannot write them is named."""

from __future__ import annotations

import pytest
from websockets.frames import Frame, Opcode

from graph.transports.frames import Unserved, frame_header, wire


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65_535, 65_536, 100_000])
def test_a_frame_is_what_the_library_would_have_written(length: int) -> None:
    payload = b"x" * length
    expected = Frame(Opcode.TEXT, payload).serialize(mask=False)
    assert frame_header(length) + payload == expected


def test_another_server_is_told_what_it_lacks() -> None:
    with pytest.raises(Unserved, match="watchword serve"):
        wire({"type": "websocket"})
