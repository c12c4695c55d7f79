"""What the domain adds to the `watchword` command line."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from graph import Database, Unsafe
from schema.importers.statuspage import Report, import_statuspage


@click.group("import")
def import_() -> None:
    """Bring in data from elsewhere."""


@import_.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_obj
def statuspage(settings: object, file: Path) -> None:
    """Import the incidents of a Statuspage site.

    FILE is the JSON that the site serves at /api/v2/incidents.json. Importing it again, or a newer
    one, brings in only what is new.
    """
    url: str = getattr(settings, "database_url", "")
    try:
        content = file.read_bytes()
    except OSError as error:
        raise Unsafe(f"{file} cannot be read: {error.strerror}.") from error
    with click.progressbar(length=1, label="Importing") as bar:

        def progress(done: int, total: int) -> None:
            bar.length = max(total, 1)
            bar.update(done - bar.pos)

        report = asyncio.run(_import(url, content, progress))
    _print(report)
    kept = report.incidents_added + report.incidents_changed + report.incidents_unchanged
    if report.skipped and not kept:
        raise Unsafe("Nothing could be imported.")


async def _import(url: str, content: bytes, progress: object) -> Report:
    database = Database(url)
    try:
        return await import_statuspage(database, content, progress)  # type: ignore[arg-type]
    finally:
        await database.close()


def _print(report: Report) -> None:
    click.echo(
        f"Incidents: {report.incidents_added} added, {report.incidents_changed} changed,"
        f" {report.incidents_unchanged} unchanged, {len(report.skipped)} skipped."
    )
    click.echo(
        f"Updates: {report.updates_added} added. Components: {report.components_added} added."
    )
    for name, reason in report.skipped:
        click.echo(f"Skipped {name}: {reason}", err=True)
