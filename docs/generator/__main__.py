"""Write docs/reference from the code; with `--check`, say instead where it is stale.

    python -m docs.generator [--check]

Settings in the environment and in `.env` change nothing: the pages show the defaults.
"""

from __future__ import annotations

import difflib
import os
import sys
from pathlib import Path

from docs.generator import (
    api,
    claims,
    client,
    commands,
    errors,
    limits,
    metrics,
    routes,
    settings,
    testing,
)
from docs.generator.markdown import page

FOLDER = Path(__file__).parents[1] / "reference"
SECTIONS = {
    "settings": settings.page,
    "limits": limits.page,
    "commands": commands.page,
    "errors": errors.page,
    "routes": routes.page,
    "claims": claims.page,
    "metrics": metrics.page,
    "api": api.page,
    "client": client.page,
    "testing": testing.page,
}


def pages() -> dict[str, str]:
    """Return the text of each page by its file name."""
    made = {f"{name}.md": section() for name, section in SECTIONS.items()}
    titles = {name: text.partition("\n")[0].removeprefix("# ") for name, text in made.items()}
    index = [f"* [{title}]({name})" for name, title in titles.items()]
    about = "Everything that can be set, called, sent and received. Generated from the code."
    return {"README.md": page("Reference", about, "\n".join(index)), **made}


def stale(made: dict[str, str]) -> str:
    """Return the difference between the pages in the folder and those made now; empty if none."""
    before = {path.name: path.read_text() for path in FOLDER.glob("*.md")}
    return "\n".join(
        line
        for name in sorted(before | made)
        for line in difflib.unified_diff(
            before.get(name, "").splitlines(),
            made.get(name, "").splitlines(),
            f"docs/reference/{name}",
            f"docs/reference/{name} (generated)",
            lineterm="",
        )
    )


def write(made: dict[str, str]) -> None:
    """Write the pages, and remove those that are not generated any more."""
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.md"):
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text)


def main() -> int:
    """Write or check; return the exit code."""
    for name in [name for name in os.environ if name.startswith("WATCHWORD_")]:
        del os.environ[name]
    made = pages()
    if sys.argv[1:] != ["--check"]:
        write(made)
        return 0
    if difference := stale(made):
        print(f"{difference}\n\ndocs/reference is stale: run 'make docs'.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
