"""The committed SDL is the one that is served."""

from __future__ import annotations

from pathlib import Path

import incident_room
from watchword.permissions.coverage import cover


def test_the_committed_sdl_is_what_is_served() -> None:
    cover(incident_room.schema, incident_room.domain)
    committed = (Path(incident_room.__file__).parent / "schema.graphql").read_text()
    assert committed == incident_room.schema.as_str().rstrip("\n") + "\n"
