"""`watchword` and `python -m watchword` are the same program, in any directory."""

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


def programs(plain: list[str], other: list[str]) -> pytest.MarkDecorator:
    """Run a test with both; each is plain once."""
    marked = pytest.param(other, marks=pytest.mark.exhaustive)
    ids = ["module" if program is MODULE else "script" for program in (plain, other)]
    return pytest.mark.parametrize("program", [plain, marked], ids=ids)


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
    """Run the program in a directory, which is its home directory too."""
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


@programs(MODULE, SCRIPT)
def test_help_is_printed(program: list[str], tmp_path: Path) -> None:
    done = run(program, "--help", place=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: watchword [OPTIONS] COMMAND [ARGS]...\n")


@programs(SCRIPT, MODULE)
def test_a_schema_in_the_current_directory_is_found(program: list[str], tmp_path: Path) -> None:
    (tmp_path / "greetings.py").write_text(TOY)
    done = run(program, "schema", "print", "--schema", "greetings:schema", place=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "type Query {\n  greeting: String!\n}\n"


def test_only_the_owner_can_read_the_files_that_it_writes(server: LiveServer) -> None:
    written = [path for path in server.home.rglob("*") if path.is_file()]
    assert server.home / "watchword.db" in written
    assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o600}


@pytest.mark.exhaustive
def test_wrong_usage_exits_with_2_and_prints_the_usage(tmp_path: Path) -> None:
    done = run(SCRIPT, "fly", place=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: watchword ")


def test_a_refusal_exits_with_1_and_prints_a_sentence(tmp_path: Path) -> None:
    done = run(SCRIPT, "schema", "print", "--schema", "nowhere:schema", place=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    sentence = (
        "Error: There is no module 'nowhere' to load the schema 'nowhere:schema' from. Start "
    )
    assert done.stderr.startswith(sentence)
    assert done.stderr.count("\n") == 1


def test_it_exits_silently_when_its_output_is_closed(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [*SCRIPT, "schema", "print"], cwd=tmp_path, stdout=write, stderr=subprocess.PIPE, timeout=60
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (1, b"")
