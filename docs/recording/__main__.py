"""Record the first minute with the incident room: `make recording`.

It needs Chromium, what the tests of the room need, and Pillow, which `make recording` installs.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

from PIL import Image

from tests.clients.first_minute import WITH_PEOPLE, first_minute
from tests.clients.script import Step
from tests.support.node import installed
from tests.support.server import LiveServer, issuing

ROOT = Path(__file__).parents[2]
TARGET = ROOT / "docs/first-minute.gif"
LONGEST = 1_000_000
# Colours of a frame, and the gap between the windows in pixels.
COLOURS, GAP = 64, 12
BACKGROUND = "#888888"


def main() -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        with issuing(folder / "home", **WITH_PEOPLE) as server:
            *frames, done = asyncio.run(_record(server, folder))
        pictures = [_side_by_side(folder, number + 1) for number in range(len(frames))]
    lasting = [step["milliseconds"] for step in frames]
    first, *others = pictures
    first.save(TARGET, save_all=True, append_images=others, duration=lasting, loop=0, optimize=True)
    size = TARGET.stat().st_size
    if size > LONGEST:
        raise SystemExit(
            f"{TARGET.name} has {size:,} bytes, more than {LONGEST:,}: take fewer colours."
        )
    print(f"{TARGET.relative_to(ROOT)}: {len(frames)} frames, {size:,} bytes")
    print(
        f"From the page to the update that arrives: {done['milliseconds'] / 1_000:.1f} s in the browser,"
        f" {done['presses']} presses, {done['fields']} fields"
    )


async def _record(server: LiveServer, folder: Path) -> list[Step]:
    """Write the pictures of both windows; return a step for each pair, and the last step."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("There is no Chromium: apt-get install chromium.")
    node = installed(ROOT / "tests/clients")
    return await first_minute(node, Path(chromium), server, folder, frames=str(folder))


def _side_by_side(folder: Path, number: int) -> Image.Image:
    left, right = (
        Image.open(folder / f"{number:02}-{side}.png").convert("RGB") for side in ("left", "right")
    )
    whole = Image.new("RGB", (left.width + GAP + right.width, left.height), BACKGROUND)
    whole.paste(left, (0, 0))
    whole.paste(right, (left.width + GAP, 0))
    return whole.quantize(COLOURS, dither=Image.Dither.NONE)


if __name__ == "__main__":
    main()
