"""The leases of this process by subject, so that a revocation in any process can end them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import chain

from watchword.delivery.lease import Lease
from watchword.errors import Ending


class Leases:
    """Every live lease of a signed-in subject. Anonymous leases cannot be revoked, and are not kept."""

    def __init__(self) -> None:
        self._by_subject: defaultdict[str, set[Lease]] = defaultdict(set)

    def __len__(self) -> int:
        return sum(map(len, self._by_subject.values()))

    def count(self, subject: str) -> int:
        """Count the leases of a subject."""
        return len(self._by_subject.get(subject, ()))

    def add(self, lease: Lease) -> None:
        """Add a lease; an anonymous one is ignored."""
        if subject := lease.principal.subject:
            self._by_subject[subject].add(lease)

    def discard(self, lease: Lease) -> None:
        """Remove a lease."""
        subject = lease.principal.subject
        if subject and (leases := self._by_subject.get(subject)):
            leases.discard(lease)
            if not leases:
                del self._by_subject[subject]

    def revoke_session(self, subject: str, session: str) -> None:
        """End the leases with a token of this session."""
        for lease in self._of(subject):
            if lease.principal.session == session:
                lease.end(Ending.REVOKED)

    def revoke_token(self, subject: str, token: str) -> None:
        """End the leases with the token of this id."""
        for lease in self._of(subject):
            if lease.principal.token_id == token:
                lease.end(Ending.REVOKED)

    def revoke_client(self, client: str, version: int) -> None:
        """End the leases with a token that was issued before the client had this version."""
        for lease in tuple(chain.from_iterable(self._by_subject.values())):
            principal = lease.principal
            if principal.client == client and principal.client_version < version:
                lease.end(Ending.REVOKED)

    def outdated(self, subject: str, version: int) -> Iterator[Lease]:
        """Yield the leases with a token that was issued before the account had this version."""
        for lease in self._of(subject):
            if lease.principal.version < version:
                yield lease

    def _of(self, subject: str) -> tuple[Lease, ...]:
        return tuple(self._by_subject.get(subject, ()))
