"""Trusted documents: those that an operator's manifests list, and who may send nothing else. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from watchword.execution.documents.automatic import SHA256, digest_of
from watchword.execution.documents.manifest import Entry
from watchword.principal import FIRST_PARTY, Principal

DOCUMENTS_ANY = "documents:any"
"""The scope of a token that may send any document. A client of any schema may be given it; metadata does not name it."""


class TrustedDocuments:
    """The documents of manifests, by their ids and by the SHA-256 of their texts."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = entries
        hashes = {SHA256 + digest_of(entry.text): entry.text for entry in entries}
        self._texts = hashes | {entry.id: entry.text for entry in entries}
        self.texts = frozenset(self._texts.values())
        """A text that is one of these is trusted, by whatever id or without one."""

    def __len__(self) -> int:
        return len(self.texts)

    def find(self, document_id: str) -> str | None:
        """Return the document with this id; None if there is none."""
        text = self._texts.get(document_id)
        if text is None and document_id.startswith(SHA256):
            # Clients of automatic persisted queries send any id in the place of the hash.
            text = self._texts.get(document_id[len(SHA256) :])
        return text


class OnlyTrusted(NamedTuple):
    """The callers that may send only trusted documents: all, or those of some OAuth clients and the anonymous ones."""

    clients: frozenset[str] | None = None

    def binds(self, principal: Principal) -> bool:
        """Tell whether a caller may send only trusted documents.

        Without a token everybody would be free, so anonymous callers are bound like those of the clients.
        """
        if DOCUMENTS_ANY in principal.grants.scopes:
            return False
        if self.clients is None or principal.is_anonymous or principal.client in self.clients:
            return True
        return principal.is_first_party and FIRST_PARTY in self.clients
