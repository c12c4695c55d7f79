"""All errors that a client can see, as one tree. Independent of any framework.

WatchwordError
├── Unauthenticated          UNAUTHENTICATED   401   4401   sign in
│   ├── InvalidToken         UNAUTHENTICATED   401   4401   forged, malformed or for another server
│   │   └── TokenNotYetValid TOKEN_NOT_YET_VALID 401 1013   send it again in a moment
│   ├── TokenExpired         TOKEN_EXPIRED     401   4403   refresh and send a new token
│   │   └── TokenOutdated    TOKEN_EXPIRED     401   4403   from before a change to its account
│   └── TokenRevoked         TOKEN_REVOKED     401   4401   the session is over
│   └── InvalidProof         UNAUTHENTICATED   401   4401   the DPoP proof is missing or invalid
│       ├── NonceNeeded      UNAUTHENTICATED   401   4403   make a proof with this nonce
│       └── UntimelyProof    UNAUTHENTICATED   401   4403   make a new proof
├── Forbidden                FORBIDDEN         403          says what it requires
│   └── StepUpRequired       STEP_UP_REQUIRED  401          sign in again, on the same session
├── BadUserInput             BAD_USER_INPUT    400          says which argument
│   ├── QueryMissing         BAD_USER_INPUT    400          the request has no document
│   ├── TooLarge             BAD_USER_INPUT    413          the body or a file has too many bytes
│   └── TooSlowBody          BAD_USER_INPUT    408          the body took too long to arrive
├── DocumentNotTrusted       DOCUMENT_NOT_TRUSTED 400       send a trusted document
├── PersistedQueryNotFound   PERSISTED_QUERY_NOT_FOUND 400  send the document with its hash
├── PersistedQueryNotSupported PERSISTED_QUERY_NOT_SUPPORTED 400  send the document itself
├── NotFound                 NOT_FOUND         404
├── Conflict                 CONFLICT          409          another writer was faster
├── RateLimited              RATE_LIMITED      429          says when to try again
│   └── OverBudget           RATE_LIMITED      429          says cost and budget too
├── TooComplex               TOO_COMPLEX       400          says cost and limit
├── CursorExpired            CURSOR_EXPIRED    410          fetch anew
│   └── WentBack             CURSOR_EXPIRED    410          the database is at an earlier state
├── Unavailable              UNAVAILABLE       503   1013   a server that is needed is unreachable
├── TimedOut                 TIMEOUT           504          took too long and was stopped
└── Internal                 INTERNAL          500          an id, and nothing about the cause

Unsafe (not a WatchwordError): a setting, schema or command that the operator must correct.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import Enum
from typing import Any, ClassVar


class WatchwordError(Exception):
    """An error with a message and extensions that the client may see.

    `code` is stable, and is sent as `extensions.code`. `status` is the HTTP status if the whole request fails,
    and `close_code` the WebSocket close code if the connection fails.
    """

    code: ClassVar[str] = "INTERNAL"
    status: ClassVar[int] = 500
    close_code: ClassVar[int] = 4400

    by_grants = False
    """Whether a permission refused that the caller's grants deny wherever the operation selects the field."""

    def __init__(self, message: str, **extensions: Any) -> None:
        super().__init__(message)
        self.message = message
        self.extensions: dict[str, Any] = {"code": self.code, **extensions}

    def as_dict(self) -> dict[str, Any]:
        """Return the error as an entry of a GraphQL response's `errors`."""
        return {"message": self.message, "extensions": self.extensions}


class Unauthenticated(WatchwordError):
    """The caller is anonymous, and this requires a signed-in caller."""

    code = "UNAUTHENTICATED"
    status = 401
    close_code = 4401


class InvalidToken(Unauthenticated):
    """The token is forged, malformed or for another server.

    `rule` names the check that failed. It is for the log: the client is told only `invalid_token`
    (RFC 6750, section 3.1).
    """

    def __init__(self, rule: str) -> None:
        super().__init__("The access token is not valid. Sign in again.")
        self.rule = rule


class TokenNotYetValid(InvalidToken):
    """The token becomes valid in a moment: the issuer's clock is a little ahead of ours.

    `rule` names the claim with the time, and `seconds` is the time until the token is valid.
    """

    code = "TOKEN_NOT_YET_VALID"
    close_code = 1013

    def __init__(self, rule: str, seconds: float) -> None:
        super().__init__(rule)
        self.retry_after = max(1, math.ceil(seconds))
        self.message = f"The access token is not valid yet. Send it again in {self.retry_after} s."
        self.extensions["retryAfter"] = self.retry_after


class TokenExpired(Unauthenticated):
    """The token was valid and has expired."""

    code = "TOKEN_EXPIRED"
    close_code = 4403
    rule = "exp"

    def __init__(self) -> None:
        super().__init__("The access token has expired. Refresh it and come back.")


class TokenOutdated(TokenExpired):
    """The token was issued before a change to its account's roles, so its roles are wrong."""

    rule = "ver"

    def __init__(self) -> None:
        WatchwordError.__init__(
            self,
            "The access token is from before a change to its account. Refresh it and come back.",
        )


class TokenRevoked(Unauthenticated):
    """The token's session was revoked."""

    code = "TOKEN_REVOKED"
    rule = "revoked"

    def __init__(self) -> None:
        super().__init__("The session has been revoked. Sign in again.")


class InvalidProof(Unauthenticated):
    """The token is bound to a key, and its DPoP proof is missing or invalid.

    `rule` names the check that failed (RFC 9449, section 4.3). `error` is the error code for the client
    (section 12.2). With `nonce`, the client should try again with that nonce (section 8).
    """

    def __init__(
        self, rule: str, nonce: str | None = None, error: str = "invalid_dpop_proof"
    ) -> None:
        super().__init__("The DPoP proof is missing or not valid.")
        self.rule = rule
        self.nonce = nonce
        self.error = error


class NonceNeeded(InvalidProof):
    """The DPoP proof lacks the nonce that the server demands (RFC 9449, sections 8 and 9)."""

    close_code = 4403

    def __init__(self, nonce: str) -> None:
        super().__init__("nonce", nonce, "use_dpop_nonce")
        self.message = "The DPoP proof must hold the nonce that comes with this answer."
        self.extensions["nonce"] = nonce


class UntimelyProof(InvalidProof):
    """The DPoP proof is valid except for its time: it is too old, or from a clock that is ahead of ours."""

    close_code = 4403

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.message = (
            "The DPoP proof is too old, or from the future. Make a new one for each request."
        )


class Forbidden(WatchwordError):
    """The caller is signed in but may not do this. `requires` says what is needed."""

    code = "FORBIDDEN"
    status = 403


class StepUpRequired(Forbidden):
    """The person must authenticate again (RFC 9470): at most `max_age` seconds ago, by one of the classes `acr_values`.

    `how` says how or where, and `needs` what is needed, in words; both have a default.
    """

    code = "STEP_UP_REQUIRED"
    status = 401

    def __init__(
        self,
        max_age: int | None,
        how: str = "Sign in again",
        *,
        acr_values: Sequence[str] = (),
        needs: str | None = None,
        **extensions: Any,
    ) -> None:
        recent = (
            "a new authentication"
            if max_age is None
            else f"an authentication of the last {max_age} seconds"
        )
        said: dict[str, Any] = {} if max_age is None else {"maxAge": max_age}
        if acr_values:
            said["acrValues"] = [*acr_values]
        super().__init__(f"{how}: {needs or f'this needs {recent}'}.", **said, **extensions)
        self.max_age = max_age
        self.acr_values = tuple(acr_values)


class BadUserInput(WatchwordError):
    """An argument is invalid. `path` names it, for example `["input", "name"]`."""

    code = "BAD_USER_INPUT"
    status = 400

    def __init__(
        self, message: str, path: Sequence[str | int] | None = None, **extensions: Any
    ) -> None:
        if path is not None:
            extensions["path"] = list(path)
        super().__init__(message, **extensions)


class QueryMissing(BadUserInput):
    """The request has no document."""

    def __init__(self) -> None:
        super().__init__("The member 'query' is missing.", ["query"])


class TooLarge(BadUserInput):
    """The body, a part of it or a file is larger than is taken (RFC 9110, section 15.5.14)."""

    status = 413


class TooSlowBody(BadUserInput):
    """The body took longer to arrive than is waited (RFC 9110, section 15.5.9). `seconds` is how long that is."""

    status = 408

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The body took longer than {seconds:g} s to arrive.")


class DocumentNotTrusted(WatchwordError):
    """The caller may send only trusted documents, and this is none."""

    code = "DOCUMENT_NOT_TRUSTED"
    status = 400

    def __init__(self) -> None:
        super().__init__(
            "This server takes only trusted documents from you: send one of them, or its id. A developer signs in with"
            " the scope documents:any."
        )


class PersistedQueryNotFound(WatchwordError):
    """The request names a document that this process does not know.

    Apollo Client, urql and others know this message and code, and send the document once more with its hash.
    """

    code = "PERSISTED_QUERY_NOT_FOUND"
    status = 400

    def __init__(self) -> None:
        super().__init__("PersistedQueryNotFound")


class PersistedQueryNotSupported(WatchwordError):
    """The request names a document by its hash; it must contain the document itself.

    Apollo Client, urql and others know this message and code, and send only documents from then on.
    """

    code = "PERSISTED_QUERY_NOT_SUPPORTED"
    status = 400

    def __init__(self) -> None:
        super().__init__("PersistedQueryNotSupported")


class NotFound(WatchwordError):
    """No such object exists, or the caller may not see it."""

    code = "NOT_FOUND"
    status = 404


class Conflict(WatchwordError):
    """Another writer changed the same row. Read it again, and decide again."""

    code = "CONFLICT"
    status = 409


class RateLimited(WatchwordError):
    """The caller did something too often. `retry_after` is in seconds."""

    code = "RATE_LIMITED"
    status = 429
    close_code = 4429

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message, retryAfter=retry_after)


class OverBudget(RateLimited):
    """The operation costs more than is left of a caller's budget for this minute. `retry_after` is in seconds."""

    def __init__(self, cost: int, budget: int, retry_after: int) -> None:
        super().__init__(
            f"The operation costs {cost}, and less is left of the budget of {budget} a minute. Come back in"
            f" {retry_after} s.",
            retry_after,
        )
        self.extensions |= {"cost": cost, "budget": budget}


class TooComplex(WatchwordError):
    """The document exceeds a limit. `cost` and `limit` say by how much."""

    code = "TOO_COMPLEX"
    status = 400

    def __init__(self, message: str, cost: int, limit: int) -> None:
        super().__init__(message, cost=cost, limit=limit)


class CursorExpired(WatchwordError):
    """Events after the cursor have been pruned, so the client must fetch the state anew."""

    code = "CURSOR_EXPIRED"
    status = 410


class WentBack(CursorExpired):
    """The cursor's event is not in the log: the database went back to an earlier state."""


class Unavailable(WatchwordError):
    """A server that is needed for this is unreachable. The same request may work later."""

    code = "UNAVAILABLE"
    status = 503
    close_code = 1013


class TimedOut(WatchwordError):
    """The work took longer than the settings allow, and was stopped. A commit may still happen."""

    code = "TIMEOUT"
    status = 504

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"This took longer than {seconds:g} s and was stopped. Ask for less at once; see whether a"
            " mutation was done before you send it again."
        )


class Internal(WatchwordError):
    """An unexpected error. The log has `id` next to the traceback."""

    def __init__(self, id: str) -> None:
        super().__init__(f"Something went wrong on our side. Quote {id} to the operator.", id=id)


class Unsafe(Exception):
    """A setting, a schema or a command that the operator must correct. The message is one sentence."""


class Ending(Enum):
    """Why the server ends a connection: WebSocket close code, reason, and error code for streams over HTTP.

    The graphql-ws client gives up after 4401, and reconnects after 4403, 1012 and 1013.
    """

    EXPIRED = (4403, "token expired", "TOKEN_EXPIRED")
    OUTDATED = (4403, "token is from before a change to its account", "TOKEN_EXPIRED")
    REVOKED = (4401, "session revoked", "TOKEN_REVOKED")
    ENDED = (4401, "ended by an administrator", "CONNECTION_ENDED")
    DRAINING = (1012, "server is restarting", "DRAINING")
    SLOW = (1013, "too slow: come back with your cursor", "TOO_SLOW")

    def __init__(self, close_code: int, reason: str, code: str) -> None:
        self.close_code = close_code
        self.reason = reason
        self.code = code
