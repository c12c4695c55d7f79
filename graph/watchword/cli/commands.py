"""The command `watchword`: our commands, the mounted schema's own, and the reporting of failures."""

from __future__ import annotations

from typing import Any

import click

from watchword.cli.accounts import accounts
from watchword.cli.clients import clients
from watchword.cli.doctor import doctor
from watchword.cli.failures import FAILURES, explain
from watchword.cli.issuers import issuers
from watchword.cli.keys import keys
from watchword.cli.schema import schema
from watchword.cli.serve import serve
from watchword.cli.token import token
from watchword.config.settings import read
from watchword.domain import load
from watchword.errors import Unsafe, WatchwordError

BUILT_IN = {
    command.name or "": command
    for command in (accounts, clients, doctor, issuers, keys, schema, serve, token)
}


class Commands(click.Group):
    """Finds our commands and those of the mounted schema, and reports a failure as one sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*BUILT_IN, *_domain_commands()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return BUILT_IN.get(cmd_name) or _domain_commands().get(cmd_name)

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
