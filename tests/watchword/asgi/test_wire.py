"""Every server's wire has all that the transports use."""

from __future__ import annotations

import pytest

from watchword.asgi.generic import GenericSocket, GenericStream
from watchword.asgi.uvicorn.frames import FramesProtocol, PipeProtocol
from watchword.asgi.wire import SocketWire, StreamWire


def members(kind: type) -> set[str]:
    return {
        name
        for each in kind.__mro__
        for name in (*vars(each), *vars(each).get("__annotations__", ()))
        if not name.startswith("_")
    }


@pytest.mark.parametrize(
    ("wire", "made"),
    [
        (SocketWire, FramesProtocol),
        (SocketWire, GenericSocket),
        (StreamWire, PipeProtocol),
        (StreamWire, GenericStream),
    ],
)
def test_a_wire_has_every_member(wire: type, made: type) -> None:
    has = members(made) | set(made.__init__.__code__.co_names)  # type: ignore[misc]
    for kind in made.__mro__:
        code = getattr(vars(kind).get("__init__"), "__code__", None)
        has |= set(code.co_names if code else ())
    assert members(wire) >= {"send_text", "send_close"} or members(wire) >= {"send_chunk"}
    assert members(wire) <= has
