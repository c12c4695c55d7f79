"""The text of updates as HTML: everything is escaped, and addresses of pages become links. Pure."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

# What may end a sentence or a bracket around an address is not a part of it.
_ADDRESS = re.compile(r"https?://[^\s<>\"']*[^\s<>\"'.,;:!?)\]}]")
_BREAKS = re.compile(r"\n\s*\n")


def as_html(body: str) -> Markup:
    """Return a text as paragraphs."""
    plain = body.replace("\r\n", "\n").strip()
    paragraphs = [Markup("<p>%s</p>") % _linked(each) for each in _BREAKS.split(plain) if each]
    return Markup("\n").join(paragraphs)


def _linked(text: str) -> Markup:
    parts: list[Markup] = []
    end = 0
    for found in _ADDRESS.finditer(text):
        parts += [escape(text[end : found.start()]), _link(found[0])]
        end = found.end()
    return Markup("").join([*parts, escape(text[end:])]).replace("\n", Markup("<br>"))


def _link(address: str) -> Markup:
    return Markup('<a href="%s" rel="nofollow noopener">%s</a>') % (address, address)
