"""`watchword limits`: prints the table of limits, with what is set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from watchword.config.limits import SECTIONS, Limit
from watchword.config.settings import PREFIX, Settings, read


@click.group(invoke_without_command=True)
@click.pass_context
def limits(ctx: click.Context) -> None:
    """Print every limit, and what a client gets beyond it."""
    if ctx.invoked_subcommand is None:
        settings = read()
        for title, section in SECTIONS.items():
            click.echo(f"{title}\n{columns(_rows(section, settings))}\n")


def _rows(section: Sequence[Limit], settings: Settings) -> Iterator[list[str]]:
    yield ["what", "limit", "default", "beyond it", "where", "setting"]
    for limit in section:
        value = shown(limit.value(settings))
        default = value if limit.setting is None else shown(default_of(limit))
        setting = "(fixed)" if limit.setting is None else f"{PREFIX}{limit.setting.upper()}"
        yield [limit.counted, value, default, limit.answer, limit.where, setting]


def default_of(limit: Limit) -> float:
    """Return the number of a limit with a setting if nothing is set."""
    assert limit.setting is not None, "a fixed limit has no default"
    default: float = Settings.model_fields[limit.setting].default
    return default


def shown(number: float) -> str:
    """Return a number with commas between its thousands."""
    return f"{number:,g}" if number < 1_000_000 else f"{number:,.0f}"


def columns(rows: Iterator[list[str]]) -> str:
    """Return rows of texts in columns."""
    lines = list(rows)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  "
        + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
