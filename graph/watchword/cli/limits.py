"""`watchword limits`: prints the table of limits, and proposes limits from what was measured."""

from __future__ import annotations

import asyncio

import click

from watchword.cli import limit_report, limit_table
from watchword.cli.limit_table import columns
from watchword.cli.running_server import Asked, checked_url
from watchword.config.limits import SECTIONS
from watchword.config.settings import read
from watchword.errors import Unsafe


@click.group(invoke_without_command=True)
@click.pass_context
def limits(ctx: click.Context) -> None:
    """Print every limit, and what a client gets beyond it."""
    if ctx.invoked_subcommand is None:
        settings = read()
        for title, section in SECTIONS.items():
            click.echo(f"{title}\n{columns(limit_table.rows(section, settings))}\n")


@limits.command()
@click.option("--url", metavar="URL", help="The server. The default is the one of the settings.")
@click.option("--token", envvar="WATCHWORD_TOKEN", show_envvar=True, help="With metrics:read.")
def report(url: str | None, token: str | None) -> None:
    """Propose limits from what a running server has measured: twice what 99.9% of its operations have at most.

    Budgets are proposed in the same way, from what each principal, client and address has spent in each minute.
    The server needs WATCHWORD_METRICS=prometheus. With WATCHWORD_LIMITS=measure, it refuses nothing meanwhile.
    """
    settings = read()
    address = checked_url(url or settings.listens_at)
    measured = limit_report.parse(asyncio.run(limit_report.read_metrics(Asked(address, token))))
    if not measured:
        raise Unsafe("The server has measured no operation yet: come back when clients have asked.")
    click.echo(columns(limit_report.rows(measured, settings)))
    for sentence in limit_report.few(measured):
        click.echo(f"\n{sentence}")
