"""Finds lines of `.env` that python-dotenv leaves out, or takes for a part of another value.

It logs a line that it cannot read, and goes on. A setting of ours in that line would keep its default, and nobody would notice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from watchword.errors import Unsafe


def check(file: Path, prefix: str) -> Iterable[str]:
    """Return the names that a file sets; none if there is no file.

    Raises `Unsafe` for a file that is not UTF-8, and for lines with the prefix that set nothing.
    """
    if not file.is_file():
        return ()
    try:
        with file.open(encoding="utf-8") as lines:
            bindings = [*parse_stream(lines)]
    except UnicodeDecodeError:
        raise Unsafe(f"{file} is not UTF-8: save it as UTF-8.") from None
    ours = re.compile(rf"^\s*(?:export\s+)?({re.escape(prefix)}\w+)", re.IGNORECASE | re.MULTILINE)
    if faults := [f"{file}, {fault}" for each in bindings for fault in _faults(each, ours)]:
        raise Unsafe("\n".join(faults))
    return [each.key for each in bindings if each.key is not None]


def _faults(binding: Binding, ours: re.Pattern[str]) -> Iterator[str]:
    text = binding.original.string
    sets = not binding.error and binding.value is not None
    # A binding may have several lines, before its name and in its quotes. One that sets something begins in the first.
    found = ours.search(text, len(text) - len(text.lstrip()) + 1 if sets else 0)
    if found is None:
        return
    line = binding.original.line + text.count("\n", 0, found.start(1))
    if not sets:
        yield f"line {line}, sets nothing: write {found[1]}=value, and close every quote."
    else:
        yield (
            f"line {line}, sets nothing: it is taken for a part of the value of {binding.key}. Close the quote there."
        )
