"""Name the runtime's modules without a test file: watchword/a/b.py is tested by tests/watchword/a/test_b.py."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Folders with code that other tests run: migrations, and the browser's packages.
EXEMPT = {"migrations", "node_modules"}


def untested(root: Path) -> Iterator[Path]:
    """Yield each module under graph/watchword that has no test file of its name."""
    for module in sorted((root / "graph/watchword").rglob("*.py")):
        place = module.relative_to(root / "graph")
        if module.stem == "__init__" or EXEMPT & {*place.parts}:
            continue
        if not (root / "tests" / place.with_name(f"test_{module.stem.strip('_')}.py")).exists():
            yield place


if __name__ == "__main__":
    lacking = [
        f"graph/{found} has no test file tests/{found.parent}/test_{found.name}"
        for found in untested(ROOT)
    ]
    sys.exit("\n".join(lacking) or None)
