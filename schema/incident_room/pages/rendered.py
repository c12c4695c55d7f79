"""Pages that were rendered, kept for as long as the answers that they were made of are the same."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import orjson

from incident_room.pages.compressed import ENCODING, gzipped
from watchword import JsonAnswer

# The most memory that pages take with the answers that they were made of, in bytes.
MOST_BYTES = 16_000_000


@dataclass(slots=True)
class Rendered:
    """A page. `good_at` is the time in Unix seconds at which it was last known to be good.

    `tag` is the entity tag of its body, and `gzip_tag` that of the body as gzip has it.
    """

    body: bytes
    gzip: bytes | None
    tag: str
    answer: JsonAnswer
    good_at: float

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return len(self.body) + len(self.gzip or b"") + len(self.answer.json) + 1_000

    @property
    def gzip_tag(self) -> str:
        """The entity tag of the compressed body: a strong tag stands for the same bytes."""
        return f'{self.tag[:-1]}-{ENCODING}"'


Render = Callable[[Any], bytes]
"""Renders the data of an answer."""


class RenderedPages:
    """The pages that were rendered last."""

    def __init__(self, limit: int = MOST_BYTES) -> None:
        self.limit = limit
        self.size = 0
        self._kept: OrderedDict[Hashable, Rendered] = OrderedDict()

    def get(self, key: Hashable) -> Rendered | None:
        """Return the page that was rendered last for a key, even if it may be outdated."""
        return self._kept.get(key)

    def page(
        self, key: Hashable, answer: JsonAnswer, now: float, render: Render, *, is_kept: bool = True
    ) -> Rendered:
        """Return the page of an answer without errors; render it if the answer is another one than before.

        `is_kept` is False for a page of which strangers can make up as many as they like.
        """
        kept = self._kept.get(key)
        if kept is not None and (kept.answer is answer or kept.answer.tag == answer.tag):
            self._kept.move_to_end(key)
            kept.answer, kept.good_at = answer, now
            return kept
        body = render(orjson.loads(answer.json)["data"])
        made = Rendered(body, gzipped(body), tag_of(body), answer, now)
        if is_kept:
            self._keep(key, made)
        return made

    def _keep(self, key: Hashable, page: Rendered) -> None:
        if (before := self._kept.pop(key, None)) is not None:
            self.size -= before.size
        self._kept[key] = page
        self.size += page.size
        while self.size > self.limit:
            _, oldest = self._kept.popitem(last=False)
            self.size -= oldest.size


def tag_of(body: bytes) -> str:
    """Return the entity tag of a body (RFC 9110, section 8.8.3)."""
    return f'"{blake2b(body, digest_size=12).hexdigest()}"'
