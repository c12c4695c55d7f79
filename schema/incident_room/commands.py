"""The domain's own commands of the `watchword` command line."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click

from incident_room.importers.statuspage import Progress, Report, import_statuspage
from watchword import Unsafe, operator


@click.group("import")
def import_() -> None:
    """Import data from other systems."""


@import_.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_obj
def statuspage(settings: Any, file: Path) -> None:
    """Import the incidents, maintenance and components of a Statuspage site.

    FILE is one of the JSON files that the site serves under /api/v2/: incidents, scheduled-maintenances,
    components, summary, or a part of one. A newer file adds and changes what is new in it; the same file
    again, or an older one, changes nothing. Subscribers are told at once.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise Unsafe(f"{file} cannot be read: {error.strerror}.") from error
    with click.progressbar(length=1, label="Importing") as bar:

        def progress(done: int, total: int) -> None:
            bar.length = max(total, 1)
            bar.update(done - bar.pos)

        report = asyncio.run(_import(settings, content, progress))
    _print(report)
    kept = report.incidents_added + report.incidents_changed + report.incidents_unchanged
    if report.skipped and not kept + report.components_added + report.components_changed:
        raise Unsafe("Nothing could be imported.")


async def _import(settings: Any, content: bytes, progress: Progress) -> Report:
    async with operator(settings) as store:
        return await import_statuspage(store, content, progress)


def _print(report: Report) -> None:
    click.echo(
        f"Incidents: {report.incidents_added} added, {report.incidents_changed} changed,"
        f" {report.incidents_unchanged} unchanged, {len(report.skipped)} skipped."
    )
    click.echo(
        f"Updates: {report.updates_added} added, {report.updates_changed} changed."
        f" Components: {report.components_added} added, {report.components_changed} changed."
    )
    for name, reason in report.skipped:
        click.echo(f"Skipped {name}: {reason}", err=True)
    for note in report.notes:
        click.echo(f"Note: {note}", err=True)
