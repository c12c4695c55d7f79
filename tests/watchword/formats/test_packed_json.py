"""A packed object comes out as it went in, and takes little memory."""

from __future__ import annotations

import pytest

from watchword.formats.packed_json import PackedObject


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"a": {"b": [1, 2.5, True, None, "é\ud83d", 10**30]}},
        {"": [[], {}, [[]]]},
    ],
)
def test_an_object_comes_out_as_it_went_in(members: dict[str, object]) -> None:
    packed = PackedObject(members)
    assert packed.unpacked() == members
    assert packed.unpacked() is not packed.unpacked()


def test_what_a_client_writes_takes_no_more_memory_than_its_text() -> None:
    # As objects it takes twenty times as much.
    members: dict[str, object] = {"a": [[] for _ in range(1_000)]}
    assert PackedObject(members).size <= 3_010
