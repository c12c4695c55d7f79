"""`watchword` and `python -m watchword` are one program, whatever directory it is started in."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server import LiveServer

MODULE = [sys.executable, "-m", "watchword"]
SCRIPT = [str(Path(sys.executable).with_name("watchword"))]
both = pytest.mark.parametrize("program", [MODULE, SCRIPT], ids=["module", "script"])
TOY = """
import strawberry
from watchword import Public

@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def greeting(self) -> str:
        return "hello"

schema = strawberry.Schema(Query)
"""


def run(
    program: list[str], *arguments: str, place: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run it in a directory, with that directory for its home too."""
    return subprocess.run(
        [*program, *arguments],
        cwd=place,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONDONTWRITEBYTECODE": "1",
            "WATCHWORD_HOME": str(place),
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=60,
    )


@both
def test_it_helps(program: list[str], tmp_path: Path) -> None:
    done = run(program, "--help", place=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: watchword [OPTIONS] COMMAND [ARGS]...\n")


@both
def test_a_schema_in_the_current_directory_is_found(program: list[str], tmp_path: Path) -> None:
    (tmp_path / "greetings.py").write_text(TOY)
    done = run(program, "schema", "print", "--schema", "greetings:schema", place=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "type Query {\n  greeting: String!\n}\n"


def test_what_it_writes_is_its_owners_alone(server: LiveServer) -> None:
    written = [path for path in server.home.rglob("*") if path.is_file()]
    assert server.home / "watchword.db" in written
    assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o600}


def test_a_misuse_is_2_and_tells_how_it_is_used(tmp_path: Path) -> None:
    done = run(SCRIPT, "fly", place=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: watchword ")


def test_a_refusal_is_1_and_a_sentence(tmp_path: Path) -> None:
    done = run(SCRIPT, "schema", "print", "--schema", "nowhere:schema", place=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "Error: There is no module 'nowhere' to load the schema 'nowhere:schema' from.\n"
    )


def test_it_leaves_in_silence_when_nobody_reads_any_more(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [*SCRIPT, "schema", "print"], cwd=tmp_path, stdout=write, stderr=subprocess.PIPE, timeout=60
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (1, b"")
