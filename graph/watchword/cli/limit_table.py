"""The table of limits as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from watchword.config.limits import Limit
from watchword.config.settings import PREFIX, Settings


def rows(section: Sequence[Limit], settings: Settings) -> Iterator[list[str]]:
    """Yield a heading and a row for each limit, with what is set."""
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
    return limit.times * default


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
