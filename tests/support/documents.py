"""What is in the documents, and how it is run as somebody would who pastes it."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
HOW_TO = DOCS / "how-to"
ARCHITECTURE, SECURITY = DOCS / "explanation/architecture.md", DOCS / "explanation/security.md"
FRONT_END = HOW_TO / "front-end.md"
PROVIDER = HOW_TO / "sign-in-with-an-identity-provider.md"
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]
PAGES = [document for document in DOCUMENTS if document.name != "CHANGELOG.md"]


def blocks(document: Path, language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    fenced = rf"^```{language}\n(.*?)^```"
    return re.findall(fenced, document.read_text(), re.MULTILINE | re.DOTALL)


def block(document: Path, language: str, holding: str) -> str:
    """Return the one block of a language that holds a text."""
    [found] = [each for each in blocks(document, language) if holding in each]
    return found


def run(
    *command: str | Path,
    given: str = "",
    cwd: Path = ROOT,
    environment: dict[str, str] | None = None,
) -> str:
    """Run something that must succeed; return what it printed."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        input=given,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def bash(command: str, cwd: Path = ROOT, **environment: str) -> str:
    """Paste into a shell that stops at the first failure."""
    return run("bash", "-euc", command, cwd=cwd, environment={**os.environ, **environment})
