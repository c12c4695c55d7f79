"""`watchword access`: who may read which field, as a table that a reviewer reads."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import click

from watchword.cli.schema import beside, difference, mount_option
from watchword.cli.token import verified
from watchword.config.settings import Settings, read
from watchword.domain import Mount, load
from watchword.errors import Unsafe
from watchword.permissions import coverage
from watchword.permissions.access import Access, callers, table
from watchword.principal import Principal

# The most bytes of a token that are read: longer ones are refused anyway.
LONGEST_TOKEN = 100_000


@click.group(invoke_without_command=True)
@mount_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["markdown", "csv", "json"]),
    default="markdown",
    show_default=True,
    help="How the table is written.",
)
@click.option(
    "--token",
    "is_token",
    is_flag=True,
    help="Read an access token from standard input, and say what it could reach.",
)
@click.option(
    "--diff",
    "revision",
    metavar="REVISION",
    help="Print how the table differs from the committed access.md of a revision of git.",
)
@click.pass_context
def access(
    context: click.Context, mount: str | None, form: str, is_token: bool, revision: str | None
) -> None:
    """Print who may read which field.

    A row for each field, and for each guarded input: what it needs, and for each role yes, no, or if: it depends on the
    object, the arguments, or how long ago the person authenticated. A person of a role has signed in here, with the
    scopes of the role.
    """
    if context.invoked_subcommand is not None:
        return
    settings = read(mount=mount)
    mounted = _covered(settings)
    asking = {"token": _token(settings)} if is_token else callers(mounted.domain.roles)
    rows = table(mounted.schema, asking)
    if revision is not None:
        click.echo("".join(_since(revision, _path(settings), _markdown(rows))), nl=False)
    else:
        click.echo(_FORMS[form](rows), nl=False)


@access.command()
@mount_option
@click.argument("file", required=False, type=click.Path(path_type=Path))
def check(mount: str | None, file: Path | None) -> None:
    """Compare the table with FILE, for CI.

    The default for FILE is access.md beside the schema's module.
    """
    settings = read(mount=mount)
    mounted = _covered(settings)
    path = file or _path(settings)
    committed = path.read_text(errors="replace") if path.is_file() else ""
    printed = _markdown(table(mounted.schema, callers(mounted.domain.roles)))
    if printed != committed:
        click.echo("".join(difference(committed, printed, path.name, 0)), nl=False)
        raise Unsafe(f"{path.name} is stale: run `watchword access > {path}` and review it.")
    click.echo(f"{path.name} says who may read what.")


@access.command()
@mount_option
@click.argument("name", metavar="FIELD")
@click.option("--as", "caller", metavar="ROLE", help="A role; without it, every role is answered.")
@click.option(
    "--token", "is_token", is_flag=True, help="Read an access token from standard input instead."
)
def why(mount: str | None, name: str, caller: str | None, is_token: bool) -> None:
    """Say what FIELD (Type.field) needs, and whether a caller may read it.

    FIELD may also be a guarded input, such as 'Query.people(first:)', Filter.salary, or the enum value Level.BOARD.
    "anyone" is the caller without a token.
    """
    settings = read(mount=mount)
    mounted = _covered(settings)
    asking = {"token": _token(settings)} if is_token else callers(mounted.domain.roles)
    if caller is not None and caller not in asking:
        raise Unsafe(f"There is no role {caller!r}. Give one of: {', '.join(asking)}.")
    rows = {each.field: each for each in table(mounted.schema, asking)}
    if name not in rows:
        raise Unsafe(
            f"There is no field {name!r}. Write it as Type.field, such as {next(iter(rows))}."
        )
    click.echo(f"{name} needs: {rows[name].needs}")
    for each in asking if caller is None else [caller]:
        click.echo(f"{each}: {rows[name].outlooks[each]}")


def _covered(settings: Settings) -> Mount:
    mounted = load(settings.mount)
    coverage.cover(mounted.schema, mounted.domain, settings.coverage)
    return mounted


def _path(settings: Settings) -> Path:
    return beside(settings.mount, "access.md")


def _token(settings: Settings) -> Principal:
    given = sys.stdin.buffer.read(LONGEST_TOKEN)
    text = given.decode(errors="replace").strip().removeprefix("Bearer ")
    return asyncio.run(verified(settings, text))


def _since(revision: str, path: Path, printed: str) -> Sequence[str]:
    """Return the difference from a file as it was in a revision. Raises `Unsafe` if git does not have it."""
    # A revision that begins with a hyphen would be an option of git.
    asked = ["git", "show", "--end-of-options", f"{revision}:./{path.name}"]
    shown = subprocess.run(asked, cwd=path.parent, capture_output=True, text=True, check=False)
    if shown.returncode != 0:
        said = shown.stderr.strip().splitlines()
        raise Unsafe(f"git does not show {path.name} of {revision}: {said[-1] if said else ''}")
    return difference(shown.stdout, printed, f"{path.name} of {revision}", 0)


def _markdown(rows: Sequence[Access]) -> str:
    head = ["Field", "Needs", *_callers(rows)]
    lines = [head, ["---"] * len(head), *map(_cells, rows)]
    return "".join(f"| {' | '.join(map(_escaped, line))} |\n" for line in lines)


def _csv(rows: Sequence[Access]) -> str:
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(["field", "needs", *_callers(rows)])
    writer.writerows(map(_cells, rows))
    return written.getvalue()


def _json(rows: Sequence[Access]) -> str:
    made = [{"field": each.field, "needs": each.needs, **each.outlooks} for each in rows]
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


_FORMS: Mapping[str, Callable[[Sequence[Access]], str]] = {
    "markdown": _markdown,
    "csv": _csv,
    "json": _json,
}


def _callers(rows: Sequence[Access]) -> list[str]:
    return [*rows[0].outlooks] if rows else []


def _cells(row: Access) -> list[str]:
    return [row.field, row.needs, *row.outlooks.values()]


def _escaped(cell: str) -> str:
    return cell.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
