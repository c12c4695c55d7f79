"""Automatic persisted queries: documents that clients register by their hashes, in the memory of one process.

https://www.apollographql.com/docs/apollo-server/performance/apq. A client that finds its document gone, or asks
another process, sends the document again.
"""

from __future__ import annotations

from collections import OrderedDict
from hashlib import sha256
from sys import getsizeof

# How the id of a document begins that is the SHA-256 of its text.
SHA256 = "sha256:"
# Bytes of memory that an entry takes besides its text. This bounds the number of entries too.
OVERHEAD = 500


class AutomaticDocuments:
    """The documents that were used last, by the SHA-256 of their texts in hexadecimal digits."""

    def __init__(self, most_bytes: int) -> None:
        """All entries together take at most so many bytes; with 0, nothing is kept."""
        self._most = most_bytes
        self._texts: OrderedDict[str, str] = OrderedDict()
        self.size = 0

    def __len__(self) -> int:
        return len(self._texts)

    def find(self, digest: str) -> str | None:
        """Return the document with this hash; None if it is not kept."""
        text = self._texts.get(digest)
        if text is not None:
            self._texts.move_to_end(digest)
        return text

    def register(self, digest: str, text: str) -> None:
        """Keep a document under its hash, which must be that of the text. The least recently used make place."""
        if digest in self._texts:
            self._texts.move_to_end(digest)
            return
        size = _size(text)
        if size > self._most:
            return
        self._texts[digest] = text
        self.size += size
        while self.size > self._most:
            self.size -= _size(self._texts.popitem(last=False)[1])


def digest_of(text: str) -> str:
    """Return the SHA-256 of a document's text in UTF-8, as lower-case hexadecimal digits."""
    # JSON may have half of a surrogate pair, which is no UTF-8. No client can have hashed it.
    return sha256(text.encode(errors="surrogatepass")).hexdigest()


def _size(text: str) -> int:
    return getsizeof(text) + OVERHEAD
