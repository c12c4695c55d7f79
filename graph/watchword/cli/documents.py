"""`watchword documents`: checks the trusted documents."""

from __future__ import annotations

from pathlib import Path

import click

from watchword.cli.schema import mount_option
from watchword.config.settings import Settings, read
from watchword.domain import load
from watchword.errors import Unsafe
from watchword.execution.documents.faults import Fault, faults
from watchword.execution.documents.manifest import Entry, read_manifests
from watchword.execution.engine import Engine
from watchword.execution.limits import Limits


@click.group()
def documents() -> None:
    """Check the trusted documents."""


@documents.command()
@mount_option
@click.argument("path", required=False, type=click.Path(path_type=Path))
def check(mount: str | None, path: Path | None) -> None:
    """Check that each document of a manifest, or of a directory of them, can be run on the mounted schema.

    The default for PATH is WATCHWORD_DOCUMENTS. Names every document that is not valid or is over a limit.
    """
    settings = read(mount=mount)
    given = path or settings.documents
    if given is None:
        raise Unsafe("There is nothing to check: name a manifest, or set WATCHWORD_DOCUMENTS.")
    entries = read_manifests(given)
    if found := check_all(settings, entries):
        lines = [f"{each.entry.path}: {each.entry.described}: {each.reason}" for each in found]
        said = (
            f"{len(found)} of {len(entries)} trusted documents cannot be run on {settings.mount}."
        )
        raise Unsafe("\n".join([said, *lines]))
    click.echo(f"All {len(entries)} trusted documents can be run on {settings.mount}.")


def check_all(settings: Settings, entries: list[Entry]) -> list[Fault]:
    """Return the documents that cannot be run on the mounted schema."""
    engine = Engine(load(settings.mount).schema, Limits.of(settings), 0)
    return [each for each in faults(engine.planner, entries) if each is not None]
