"""`watchword schema`: prints the SDL, and compares it with a committed file."""

from __future__ import annotations

import importlib.util
import shlex
from difflib import unified_diff
from pathlib import Path

import click

from watchword.config.settings import Settings, read
from watchword.domain import load
from watchword.errors import Unsafe
from watchword.permissions import coverage

mount_option = click.option(
    "--schema", "mount", metavar="MODULE:ATTRIBUTE", help="The Strawberry schema to print or check."
)


@click.group()
def schema() -> None:
    """Print the mounted schema, or check it."""


@schema.command("print")
@mount_option
def print_(mount: str | None) -> None:
    """Print the schema in GraphQL's schema definition language."""
    click.echo(_sdl(read(mount=mount)), nl=False)


@schema.command()
@mount_option
@click.argument("file", required=False, type=click.Path(path_type=Path))
def check(mount: str | None, file: Path | None) -> None:
    """Compare the schema with FILE, and check that every field says who may read it.

    The default for FILE is schema.graphql beside the schema's module.
    """
    settings = read(mount=mount)
    printed = _sdl(settings)
    path = file or beside(settings.mount, "schema.graphql")
    try:
        committed = path.read_text(errors="replace")
    except FileNotFoundError:
        raise Unsafe(f"{path} is not there yet: run `{_print_to(path, mount)}`.") from None
    except OSError as error:
        raise Unsafe(f"{path} cannot be read: {error.strerror}.") from error
    if printed != committed:
        click.echo("".join(difference(committed, printed, path.name)), nl=False)
        raise Unsafe(f"{path.name} is stale: run `{_print_to(path, mount)}`.")
    click.echo(f"{path.name} is what is served, and {coverage.sentence(settings.coverage)}.")


def _print_to(path: Path, mount: str | None) -> str:
    named = ["--schema", mount] if mount else []
    command = shlex.join(["watchword", "schema", "print", *named])
    return f"{command} > {shlex.quote(str(path))}"


def _sdl(settings: Settings) -> str:
    """Return the SDL with the permissions that the server would add. Raises `Unsafe` if a field has none."""
    mounted = load(settings.mount)
    coverage.cover(mounted.schema, mounted.domain, settings.coverage)
    return mounted.schema.as_str().rstrip("\n") + "\n"


def difference(committed: str, printed: str, name: str, context: int = 3) -> list[str]:
    """Return the lines of a unified difference, with so many lines of context, between a file and what is served."""
    old, new = committed.splitlines(keepends=True), printed.splitlines(keepends=True)
    return list(unified_diff(old, new, name, "as served", n=context))


def beside(mount: str, name: str) -> Path:
    """Return the path of a file beside the module of a schema."""
    spec = importlib.util.find_spec(mount.partition(":")[0])
    if spec is None or spec.origin is None:
        raise Unsafe(f"There is no module for {mount}.")
    return Path(spec.origin).parent / name
