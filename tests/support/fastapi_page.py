"""The app of docs/how-to/fastapi.md: as it is before, and with the change that puts Watchword into it."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from tests.support.documents import HOW_TO, block

PAGE = HOW_TO / "fastapi.md"
BEFORE = block(PAGE, "python", "# shop_app.py")
CHANGE = block(PAGE, "diff", "--- shop_app.py")


def shop_app() -> str:
    """Return the app after the change, made as the page says."""
    with tempfile.TemporaryDirectory() as folder:
        app = Path(folder, "shop_app.py")
        app.write_text(BEFORE)
        subprocess.run(
            ["patch", "--fuzz=0"], input=CHANGE, text=True, cwd=folder, check=True, timeout=60
        )
        return app.read_text()
