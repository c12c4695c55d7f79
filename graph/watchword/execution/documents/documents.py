"""Finds the document of a request that names it by an id, for every transport, and plans it.

Ids are those of GraphQL over HTTP, appendix "Persisted Documents": `sha256:` and the SHA-256 of the text.
The hash of an automatic persisted query is read as such an id.
"""

from __future__ import annotations

from watchword.config.document_settings import DocumentSettings
from watchword.errors import BadUserInput, PersistedQueryNotFound, PersistedQueryNotSupported
from watchword.execution.documents.automatic import SHA256, AutomaticDocuments, digest_of
from watchword.execution.engine import Engine
from watchword.execution.plan import Draft, Plan, Refused

HASH_PATH = ("extensions", "persistedQuery", "sha256Hash")


class Documents:
    """Plans the operations of requests, by their texts or by ids of documents."""

    def __init__(self, engine: Engine, automatic: AutomaticDocuments | None) -> None:
        """Without `automatic`, clients cannot register documents."""
        self._engine = engine
        self.automatic = automatic

    def plan(self, query: str | None, document_id: str | None, operation_name: str | None) -> Plan:
        """Return the plan of a request's operation: of its text, of the document that its id names, or of both.

        Raises `Refused` if there is no such document, if the id is not that of the text, and as `Engine.plan` does.
        """
        if document_id is None:
            return self._engine.plan(query, operation_name)
        if query is not None:
            return self._plan_both(query, document_id, operation_name)
        text = self._find(document_id)
        if text is None:
            return self._missing(operation_name)
        return self._engine.plan(text, operation_name)

    def _find(self, document_id: str) -> str | None:
        if self.automatic is None or not document_id.startswith(SHA256):
            return None
        return self.automatic.find(document_id[len(SHA256) :])

    def _plan_both(self, query: str, document_id: str, operation_name: str | None) -> Plan:
        """Plan a text that came with its id, and register it if that is its hash and it is valid."""
        if self.automatic is None or not document_id.startswith(SHA256):
            return self._engine.plan(query, operation_name)
        digest = digest_of(query)
        if document_id != SHA256 + digest:
            raise Refused.by(
                BadUserInput("The hash is not that of the document's text.", HASH_PATH)
            )
        plan = self._engine.plan(query, operation_name)
        if not isinstance(plan, Draft):
            self.automatic.register(digest, query)
        return plan

    def _missing(self, operation_name: str | None) -> Plan:
        """Refuse a request whose document is unknown, unless an extension of the schema may find it."""
        error = PersistedQueryNotSupported() if self.automatic is None else PersistedQueryNotFound()
        if self._engine.needs_query:
            raise Refused.by(error)
        plan = self._engine.plan(None, operation_name)
        assert isinstance(plan, Draft), "there is nothing to plan"
        plan.errors = Refused.by(error).errors
        return plan


def make_documents(engine: Engine, settings: DocumentSettings) -> Documents:
    """Return what finds the documents of requests, as the settings say."""
    most = settings.persisted_queries_bytes
    return Documents(engine, AutomaticDocuments(most) if most else None)
