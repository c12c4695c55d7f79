"""What the authorization server answers when it refuses: one error, in RFC 6749's words."""

from __future__ import annotations


class OAuthError(Exception):
    """A request that is refused.

    `error` is a code of RFC 6749 (sections 4.1.2.1 and 5.2) or of a standard that extends it,
    `description` says to the client's developer what to do, and `status` is the HTTP status where
    the answer is no redirect.
    """

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.status = status
