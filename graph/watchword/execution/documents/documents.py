"""Finds the document of a request that names it by an id, for every transport, and plans it.

Ids are those of GraphQL over HTTP, appendix "Persisted Documents": `sha256:` and the SHA-256 of the text.
The hash of an automatic persisted query is read as such an id.
"""

from __future__ import annotations

from collections import Counter

from watchword.config.document_settings import DocumentSettings
from watchword.errors import (
    BadUserInput,
    DocumentNotTrusted,
    PersistedQueryNotFound,
    PersistedQueryNotSupported,
    Unsafe,
)
from watchword.execution.documents.automatic import SHA256, AutomaticDocuments, digest_of
from watchword.execution.documents.manifest import read_manifests
from watchword.execution.documents.trusted import DOCUMENTS_ANY, OnlyTrusted, TrustedDocuments
from watchword.execution.engine import Engine
from watchword.execution.plan import Draft, Plan, Refused
from watchword.principal import Principal

# So many OAuth clients have numbers of their own in `Documents.untrusted`.
MOST_CLIENTS = 100
NO_CLIENT, OTHERS = "(none)", "(other)"


class Documents:
    """Plans the operations of requests, by their texts or by ids of documents."""

    def __init__(
        self,
        engine: Engine,
        automatic: AutomaticDocuments | None = None,
        trusted: TrustedDocuments | None = None,
        only: OnlyTrusted | None = None,
    ) -> None:
        """Without `automatic`, clients cannot register documents; without `only`, all may send their own."""
        self._engine = engine
        self._only = only
        self.automatic = automatic
        self.trusted: TrustedDocuments | None = None
        self.untrusted: Counter[str] = Counter()
        """How many requests had a document that is in no manifest, by OAuth client; none where there are no manifests."""
        if trusted is not None:
            self.trust(trusted)

    def trust(self, trusted: TrustedDocuments) -> None:
        """Trust these documents from now on, and no others."""
        self.trusted = trusted
        self._engine.planner.trust(trusted.texts)

    def plan(
        self,
        query: str | None,
        document_id: str | None,
        operation_name: str | None,
        principal: Principal,
    ) -> Plan:
        """Return the plan of a request's operation: of its text, of the document that its id names, or of both.

        Raises `Refused` if there is no such document, if the id is not that of the text, if the caller may send only
        trusted documents and this is none, and as `Engine.plan` does.
        """
        is_bound = self._only is not None and self._only.binds(principal)
        if query is None and document_id is not None:
            query = self._find(document_id, is_bound=is_bound)
            if query is None:
                return self._missing(operation_name, principal)
            if self.trusted is not None:
                self._note(query, principal)
            return self._plan_found(query, operation_name, principal)
        if query is not None:
            if self.trusted is not None:
                self._note(query, principal)
            if is_bound and not self._is_trusted(query):
                raise Refused.by(DocumentNotTrusted())
            if document_id is not None:
                return self._plan_both(query, document_id, operation_name, principal)
        return self._engine.plan(query, operation_name, principal)

    def known(
        self,
        query: str | None,
        document_id: str | None,
        operation_name: str | None,
        principal: Principal,
    ) -> Plan | None:
        """Return the plan of a request's operation if it is kept; None if only `plan` can tell."""
        is_bound = self._only is not None and self._only.binds(principal)
        if query is None and document_id is not None:
            query = self._find(document_id, is_bound=is_bound)
        elif document_id is not None or (
            query is not None and is_bound and not self._is_trusted(query)
        ):
            return None
        if query is None:
            return None
        plan = self._engine.known(query, operation_name, principal)
        if plan is not None and self.trusted is not None:
            self._note(query, principal)
        return plan

    def _note(self, query: str, principal: Principal) -> None:
        """Count a document that would be refused if only trusted ones were taken from everybody."""
        if self._is_trusted(query):
            return
        if DOCUMENTS_ANY not in principal.grants.scopes:
            client = principal.client or NO_CLIENT
            is_counted = client in self.untrusted or len(self.untrusted) < MOST_CLIENTS
            self.untrusted[client if is_counted else OTHERS] += 1

    def _is_trusted(self, query: str) -> bool:
        return self.trusted is not None and query in self.trusted.texts

    def _find(self, document_id: str, *, is_bound: bool) -> str | None:
        text = None if self.trusted is None else self.trusted.find(document_id)
        if text is None and self.automatic is not None and not is_bound:
            is_hash = document_id.startswith(SHA256)
            text = self.automatic.find(document_id[len(SHA256) :]) if is_hash else None
        return text

    def _plan_found(self, query: str, operation_name: str | None, principal: Principal) -> Plan:
        """Plan a document that was found by its id.

        One that has what is hidden from the caller is unknown to it: the error would name fields that the caller has not
        named, and would tell that somebody else may send them.
        """
        try:
            plan = self._engine.plan(query, operation_name, principal)
        except Refused as refused:
            if refused.is_invalid and self._engine.view_of(principal) is not None:
                return self._missing(operation_name, principal)
            raise
        if isinstance(plan, Draft) and plan.is_invalid and plan.view is not None:
            return self._missing(operation_name, principal)
        return plan

    def _plan_both(
        self, query: str, document_id: str, operation_name: str | None, principal: Principal
    ) -> Plan:
        """Plan a text that came with its id, and register it if that is its hash and it is valid."""
        known = None if self.trusted is None else self.trusted.find(document_id)
        if known == query:
            return self._engine.plan(query, operation_name, principal)
        is_hash = self.automatic is not None and document_id.startswith(SHA256)
        digest = digest_of(query) if is_hash else ""
        if known is not None or (is_hash and document_id != SHA256 + digest):
            raise Refused.by(BadUserInput("The id or hash is not that of the document's text."))
        plan = self._engine.plan(query, operation_name, principal)
        if self.automatic is not None and is_hash and not isinstance(plan, Draft):
            self.automatic.register(digest, query)
        return plan

    def _missing(self, operation_name: str | None, principal: Principal) -> Plan:
        """Refuse a request whose document is unknown, unless an extension of the schema may find it."""
        finds_none = self.automatic is None and self.trusted is None
        error = PersistedQueryNotSupported() if finds_none else PersistedQueryNotFound()
        if self._engine.needs_query:
            raise Refused.by(error)
        plan = self._engine.plan(None, operation_name, principal)
        assert isinstance(plan, Draft), "there is nothing to plan"
        plan.errors = Refused.by(error).errors
        return plan


def make_documents(engine: Engine, settings: DocumentSettings) -> Documents:
    """Return what finds the documents of requests, as the settings say.

    Raises `Unsafe` if a manifest cannot be used, or if nobody could send anything.
    """
    most, path, only = settings.persisted_queries_bytes, settings.documents, settings.documents_only
    if only and path is None:
        raise Unsafe(
            "WATCHWORD_DOCUMENTS_ONLY needs the documents that may be sent: set WATCHWORD_DOCUMENTS to a manifest,"
            " or a directory of them."
        )
    return Documents(
        engine,
        AutomaticDocuments(most) if most else None,
        TrustedDocuments(read_manifests(path)) if path else None,
        OnlyTrusted(None if only is True else frozenset(only or ())) if only else None,
    )
