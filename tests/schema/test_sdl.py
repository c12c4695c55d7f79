"""The SDL that is reviewed is the SDL that is served."""

from __future__ import annotations

from pathlib import Path

import schema


def test_the_committed_sdl_is_what_is_served() -> None:
    committed = (Path(schema.__file__).parent / "schema.graphql").read_text()
    assert committed == schema.schema.as_str().rstrip("\n") + "\n"
