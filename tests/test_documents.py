"""The documents: what they name exists, and what they say of formats is what is served."""

from __future__ import annotations

import ast
import itertools
import json
import re
import tomllib
from pathlib import Path

import click
import pytest
from graphql import build_schema, parse, validate

from incident_room import schema
from tests.support.documents import (
    ARCHITECTURE,
    DOCS,
    DOCUMENTS,
    HOW_TO,
    PAGES,
    PROVIDER,
    ROOT,
    block,
    blocks,
)
from watchword import AuditAction, StepUpRequired
from watchword.cli.commands import cli
from watchword.config.settings import Settings

# The examples of a reader; what is named in them is not here.
MADE_UP = {
    "shop.py",
    "menu.py",
    "board.py",
    "metered.py",
    "menu_migrations/0001_dishes.py",
    "menu_migrations/__init__.py",
    "graph/watchword/ROOM/MODULE.py",
    "tests/watchword/ROOM/test_MODULE.py",
}
# What is written by hand; the signatures in the reference are no code.
WRITTEN = [document for document in PAGES if document.parent.name != "reference"]
GRAPHQL = [text for document in DOCUMENTS for text in blocks(document, "graphql")]


def name_of(document: Path) -> str:
    return str(document.relative_to(ROOT))


SERVED = build_schema(schema.as_str())
# What docker compose and the commands of accounts read.
OF_OTHERS = {"domain", "http_port", "https_port", "password", "screenshots", "token"}


@pytest.mark.parametrize("text", GRAPHQL)
def test_a_document_fits_the_schema(text: str) -> None:
    assert validate(SERVED, parse(text)) == []


def test_the_trusted_issuers_are_those_that_are_tested() -> None:
    shown = json.loads(block(PROVIDER, "json", "keycloak"))
    assert shown == json.loads((ROOT / "tests/watchword/trust/examples.json").read_text())


def test_the_answer_that_asks_for_a_step_up_is_the_servers() -> None:
    [shown] = json.loads(block(HOW_TO / "step-up.md", "json", "STEP_UP_REQUIRED"))["errors"]
    assert shown == {
        **StepUpRequired(300, requires={"maxAge": 300}).as_dict(),
        "path": ["beginTotp"],
    }


def rows(document: Path) -> str:
    """Return the first cells of all tables."""
    return "\n".join(re.findall(r"^\| ([^|]+) \|", document.read_text(), re.MULTILINE))


def test_every_audited_action_is_in_the_table() -> None:
    listed = [
        name
        for row in rows(HOW_TO / "audit-log.md").splitlines()
        for name in re.findall(r"\b[A-Z_]{8,}\b", row)
    ]
    actions = [name for name in listed if not name.startswith("WATCHWORD_")]
    assert sorted(actions) == sorted(action.name for action in AuditAction)


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_setting_that_is_named_exists(document: Path) -> None:
    names = {name.lower() for name in re.findall(r"WATCHWORD_([A-Z_]*[A-Z])", document.read_text())}
    assert names - OF_OTHERS <= set(Settings.model_fields)


def anchors(document: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_link_leads_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", document.read_text()):
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_can_be_reached_from_the_index() -> None:
    reached, left = set(), [DOCS / "README.md"]
    while left:
        page = left.pop()
        reached.add(page)
        links = re.findall(r"\]\((?!https?:)([^)#]+\.md)", page.read_text())
        left += {(page.parent / link).resolve() for link in links} - reached
    assert set(DOCS.rglob("*.md")) - reached - {DOCS / "reference/README.md"} == set()


def named_commands(document: Path) -> set[tuple[str, ...]]:
    """Return the commands of `watchword` that a document names in code, as lists of words."""
    text = document.read_text()
    code = "\n".join(re.findall(r"```(?:sh|console)\n(.*?)```", text, re.DOTALL))
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    code += "\n".join(re.findall(r"`(watchword [^`]*)`", prose))
    found = re.findall(r"(?:^|[$(`]|\$ )(?:\S*=\S+ )*watchword ([a-z][^\n]*)", code, re.MULTILINE)
    return {
        tuple(itertools.takewhile(re.compile(r"[a-z][a-z|\\-]*$").match, line.split()))
        for line in found
    }


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_command_that_is_named_exists(document: Path) -> None:
    for words in named_commands(document):
        for one in itertools.product(*(word.replace("\\", "").split("|") for word in words)):
            command: click.Command | None = cli
            for word in one:
                if isinstance(command, click.Group):
                    command = command.get_command(click.Context(command), word)
                assert command is not None, " ".join(words)


@pytest.mark.parametrize("text", [text for page in WRITTEN for text in blocks(page, "python")])
def test_python_is_python(text: str) -> None:
    ast.parse(text)


def test_every_room_of_the_runtime_is_in_the_architecture() -> None:
    listed = re.findall(r"^\| (`[^|]+) \|", ARCHITECTURE.read_text(), re.MULTILINE)
    named = {name.rstrip("/") for row in listed for name in re.findall(r"`([^`]+)`", row)}
    there = {path.name for path in (ROOT / "graph/watchword").iterdir()}
    rooms = {name for name in there if not name.startswith(("_", "py.typed"))}
    assert named == rooms


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [each for name, each in project["optional-dependencies"].items() if name != "dev"]
    given = [*project["dependencies"], *(package for extra in extras for package in extra)]
    needed = {re.split(r"[\[<>=]", each)[0] for each in given}
    text = (DOCS / "explanation/dependencies.md").read_text()
    rows = re.findall(r"^\| ([^|]+?)(?: \(extra `\w+`\))? \|", text, re.MULTILINE)[1:]
    assert {name for row in rows for name in row.split(", ")} - {"---"} == needed


@pytest.mark.parametrize("document", PAGES, ids=name_of)
def test_every_file_that_is_named_exists(document: Path) -> None:
    for name in re.findall(r"`([\w.][\w./-]*(?:\.py|/))`", document.read_text()):
        places = (ROOT, ROOT / "tests", ROOT / "graph/watchword", document.parent)
        rooms = (room for room in (ROOT / "graph/watchword").iterdir() if room.is_dir())
        assert name in MADE_UP or any((place / name).exists() for place in (*places, *rooms)), name
