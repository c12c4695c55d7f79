"""The command `watchword`: our commands, the mounted schema's own, and the reporting of failures."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from watchword.cli.failures import FAILURES, explain
from watchword.config.settings import read
from watchword.domain import load
from watchword.errors import Unsafe, WatchwordError
from watchword.process.imports import without_collector

BUILT_IN = {
    "access": "Print who may read which field.",
    "accounts": "Add and change accounts.",
    "clients": "Register and change applications and services that request tokens.",
    "doctor": "Check settings, schema, database, bus, clock and keys; say what is wrong and what to do.",
    "documents": "Check the trusted documents.",
    "issuers": "Check the trusted identity providers, and link their people to accounts.",
    "keys": "List the signing keys, rotate them, or encrypt the database's secrets with another key.",
    "limits": "Print every limit, and what a client gets beyond it.",
    "schema": "Print the mounted schema, or check it.",
    "serve": "Serve the mounted schema.",
    "token": "Mint an access token, or inspect one.",
}
"""Our commands, with the sentence that the list of commands shows. Each is in the module of its name."""


def built_in(name: str) -> click.Command:
    """Import one of our commands, and what it needs: nobody waits for what another one needs."""
    with without_collector():
        command: click.Command = getattr(import_module(f"watchword.cli.{name}"), name)
    return command


class Commands(click.Group):
    """Finds our commands and those of the mounted schema, and reports a failure as one sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*BUILT_IN, *_domain_commands()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return built_in(cmd_name) if cmd_name in BUILT_IN else _domain_commands().get(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        ours = {name: click.Command(name, help=said) for name, said in BUILT_IN.items()}
        click.Group(commands=_domain_commands() | ours).format_commands(ctx, formatter)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (Unsafe, WatchwordError) as error:
            raise click.ClickException(str(error)) from error
        except BrokenPipeError:
            # The reader of our output has gone, as in `watchword … | head`: click exits silently.
            raise
        except FAILURES as error:
            raise click.ClickException(explain(error)) from error


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="watchword")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """A GraphQL server in which every field, socket and live event answers to a signed token.

    Settings come from the environment (WATCHWORD_...) and from .env.
    """
    ctx.obj = read()


def _domain_commands() -> dict[str, click.Command]:
    try:
        mount = load(read().mount)
    except Unsafe:
        return {}
    return {command.name or "": command for command in mount.domain.commands}
