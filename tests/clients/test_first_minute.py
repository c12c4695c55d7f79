"""The README's picture can be made again: what its script presses is there, and the picture is on the first screen."""

from __future__ import annotations

from pathlib import Path

from tests.clients.first_minute import WITH_PEOPLE, first_minute
from tests.support.documents import README
from tests.support.server import issuing

PICTURE = README.parent / "docs/first-minute.gif"
# Bytes of the picture, and lines that a first screen has.
MOST_BYTES, FIRST_SCREEN = 1_000_000, 20
# What comes before each picture of a GIF (section 23 of GIF89a), and what makes it go on for ever.
OF_A_FRAME, IS_ANIMATED = b"\x21\xf9\x04", b"NETSCAPE2.0"


async def test_a_newcomer_posts_an_update_and_sees_it_arrive(
    node: Path, chromium: Path, tmp_path: Path
) -> None:
    with issuing(tmp_path / "home", **WITH_PEOPLE) as server:
        *steps, done = await first_minute(node, chromium, server, tmp_path)
    assert steps == []  # no page has complained, and no picture was taken
    print(f"{done['milliseconds'] / 1_000:.1f} s in the browser")
    assert (done["step"], done["presses"], done["fields"]) == ("done", 3, 4)


def test_the_picture_is_on_the_first_screen_of_the_readme_and_small() -> None:
    first = "\n".join(README.read_text().splitlines()[:FIRST_SCREEN])
    assert f"]({PICTURE.relative_to(README.parent)})" in first
    content = PICTURE.read_bytes()
    assert len(content) < MOST_BYTES
    assert content.startswith(b"GIF89a")
    assert IS_ANIMATED in content
    assert content.count(OF_A_FRAME) >= 6
