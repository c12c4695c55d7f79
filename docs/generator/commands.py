"""The page of commands: click's tree, with the commands that the built-in schema adds."""

from __future__ import annotations

from collections.abc import Iterator

import click

from docs.generator import markdown
from docs.generator.markdown import code, table
from incident_room import domain
from watchword.cli.commands import BUILT_IN, built_in, cli

ABOUT = """\
`watchword` is the command line; `python -m watchword` is the same. Every command has `--help`. It exits with 0 when
it is done, with 1 when it was refused or has failed, and with 2 when it was misused. Every command reads the
[settings](settings.md)."""
OF_SCHEMA = "From the mounted schema `incident_room:schema`; a schema's own commands are in `Domain.commands`."
HEAD = ["option", "description", "default"]


def page() -> str:
    """Return the page."""
    ours = {name: built_in(name) for name in BUILT_IN}
    own = {command.name or "": command for command in domain.commands}
    return markdown.page(
        "Commands",
        ABOUT,
        *(
            part
            for name, command in sorted({**ours, **own}.items())
            for part in _command(f"{cli.name or 'watchword'} {name}", command, name in own)
        ),
    )


def _command(path: str, command: click.Command, is_own: bool = False) -> Iterator[str]:
    path = path.replace("cli ", "watchword ", 1)
    if isinstance(command, click.Group):
        for name, inner in sorted(command.commands.items()):
            yield from _command(f"{path} {name}", inner, is_own)
        return
    arguments = [each for each in command.params if isinstance(each, click.Argument)]
    yield f"## {path}"
    usage = " ".join([path, *map(_usage, arguments)])
    yield f"```\n{usage}{' [OPTIONS]' if len(arguments) < len(command.params) else ''}\n```"
    yield markdown.doc(command.callback)
    if is_own:
        yield OF_SCHEMA
    options = [each for each in command.params if isinstance(each, click.Option)]
    if options:
        yield table(HEAD, map(_option, options))


def _usage(argument: click.Argument) -> str:
    name = argument.make_metavar(click.Context(click.Command("")))
    return name


def _option(option: click.Option) -> list[str]:
    names = ", ".join(option.opts + option.secondary_opts)
    takes = "" if option.is_flag else f" {option.make_metavar(click.Context(click.Command('')))}"
    about, _, default = (option.help or "").partition("  [default: ")
    if not default and option.show_default and option.default is not None:
        default = str(option.default)
    if option.envvar:
        about += f" Or in {code(option.envvar)}."
    if option.required:
        about += " Required."
    return [code(names + takes), about, code(default.removesuffix("]"))]
