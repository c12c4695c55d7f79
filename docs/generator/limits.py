"""The page of limits: the table in watchword/config/limits.py."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from docs.generator import markdown
from docs.generator.markdown import code, table
from watchword.cli.limit_table import default_of, shown
from watchword.config.limits import SECTIONS, Limit
from watchword.config.settings import PREFIX

ABOUT = """\
`watchword limits` prints this table with what is set. A code is in `extensions.code` of an error; a number is the status of
an HTTP answer. How to choose the numbers: [limit what an operation may cost](../how-to/limits.md)."""
HEAD = ["what", "default", "beyond it", "where", "setting"]


def page() -> str:
    """Return the page."""
    parts = (
        part
        for title, section in SECTIONS.items()
        for part in (f"## {title}", table(HEAD, _rows(section)))
    )
    return markdown.page("Limits", ABOUT, *parts)


def _rows(section: Sequence[Limit]) -> Iterator[list[str]]:
    for limit in section:
        if limit.setting is None:
            said, setting = shown(limit.fixed or 0), "fixed"
        else:
            default = default_of(limit)
            said = shown(default) if default else "no limit"
            setting = code(f"{PREFIX}{limit.setting.upper()}")
        yield [limit.counted, said, code(limit.answer), limit.where, setting]
