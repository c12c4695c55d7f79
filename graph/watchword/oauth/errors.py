"""The error responses of the authorization server, with the codes of RFC 6749."""

from __future__ import annotations


class OAuthError(Exception):
    """The request is refused.

    `error` is a code of RFC 6749 (sections 4.1.2.1 and 5.2) or of a standard that extends it.
    `description` tells the client's developer what to do. `status` is the HTTP status, used unless the
    error is sent by a redirect.
    """

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.status = status
