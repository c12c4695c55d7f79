"""What a client should do about each error and close code: the part of the page that no code can say.

Every key must exist in the code, and every code must be a key; `errors.py` checks it.
"""

ERRORS = {
    "UNAUTHENTICATED": "If the request had no token or an invalid one, sign in; `extensions.requires` says what was"
    " needed. If the DPoP proof was refused, make a new proof and send the request again; the proof must contain"
    " `extensions.nonce` if the error has it.",
    "TOKEN_EXPIRED": "Refresh the token and send the request again. This also comes after a change of roles or of"
    " the password.",
    "TOKEN_NOT_YET_VALID": "Send the same token again after `extensions.retryAfter` seconds (`Retry-After`).",
    "TOKEN_REVOKED": "Forget both tokens and sign in.",
    "STEP_UP_REQUIRED": "Let the person authenticate again, at `/api/auth/step-up` or at its own issuer, and send"
    " the request again. `extensions.maxAge` is in seconds, and `extensions.acrValues` has the classes of which the"
    " authentication must be one (`acr` of the token).",
    "FORBIDDEN": "Only other rights help; `extensions.requires` says which. `extensions.coordinate`"
    " is the argument, input field or enum value that asks it, if it is not the field.",
    "BAD_USER_INPUT": "Correct the argument that `extensions.path` names. This is also the code of a document that"
    " does not fit the schema (400), of a request that is malformed (400, 405, 406, 413, 415), of a number with"
    " more digits than would arrive (send it as a string), and of a schema's own errors that name no other code.",
    "DOCUMENT_NOT_TRUSTED": "Send a document of the server's manifests or its id (docs/how-to/trusted-documents.md). For"
    " other documents, sign in with the scope `documents:any`.",
    "PERSISTED_QUERY_NOT_FOUND": "Send the document with its hash, which registers it with this process; Apollo Client"
    " and urql do so on their own.",
    "PERSISTED_QUERY_NOT_SUPPORTED": "Send the document instead of its hash from now on; Apollo Client and urql do"
    " so on their own.",
    "NOT_FOUND": "Nothing: the answer does not tell whether it exists for others.",
    "CONFLICT": "Read again, and decide again.",
    "RATE_LIMITED": "Wait `extensions.retryAfter` seconds (`Retry-After`). Where too many operations are open, end"
    " some first; where `extensions.cost` is more than is left of `extensions.budget`, a cheaper operation may have a place.",
    "TOO_COMPLEX": "Ask for less: `extensions.cost` exceeds `extensions.limit`.",
    "CURSOR_EXPIRED": "Fetch the present state, and subscribe without a cursor.",
    "UNAVAILABLE": "Try again in a moment. A mutation may have been committed: look before you repeat it.",
    "TIMEOUT": "Ask for less at once. A mutation may have been committed: look before you repeat it. In a"
    " subscription it stands for one event, and the next one follows.",
    "INTERNAL": "Tell the operator `extensions.id`: the log has the error under it.",
    "CONNECTION_ENDED": "An administrator has ended the connection. Do not come back on your own: show it to the person.",
    "DRAINING": "Subscribe again with the last cursor.",
    "TOO_SLOW": "Subscribe again with the last cursor, and read faster.",
}

CLOSES = {
    1008: "The page has another origin; or a token is in the URL; or the client sent more than"
    " `WATCHWORD_MAX_MESSAGES_PER_SECOND` messages in a second.",
    1009: "A message is longer than `WATCHWORD_MAX_MESSAGE_BYTES`.",
    1011: "An unexpected fault while the token was checked: the id in the reason is in the log. Or the client did"
    " not answer the server's WebSocket pings.",
    1012: "The server is stopping. The closes are spread over `WATCHWORD_DRAIN_SECONDS`, in which no operation"
    " starts any more.",
    1013: "The client was too slow: more waited for it than `WATCHWORD_OUTGOING_LIMIT` or"
    " `WATCHWORD_OUTGOING_LIMIT_BYTES`, or it read nothing for `WATCHWORD_SLOW_SECONDS`. Or the server has not"
    " finished starting; or the database, or a trusted issuer, cannot be reached; or the token begins within a"
    " minute by the server's clock.",
    4400: "The message is not of the protocol; or a member is twice in a `connection_init` or a `ping`.",
    4401: "`subscribe` came before the acknowledgement. The token is forged, malformed or for another server; its"
    " session or account was revoked or disabled; the DPoP proof is missing or forged. A renewal came with a bad"
    " token, or one of another subject, session or client.",
    4403: "The token has expired, in `connection_init` or at that moment on the live connection. It is from before"
    " a change to its account: other roles, or a password that its own session changed. The DPoP proof is too old"
    " or from the future, or needs a nonce, which is in the reason.",
    4406: "Another subprotocol than `graphql-transport-ws`; the legacy `graphql-ws` too.",
    4408: "No `connection_init` came within `WATCHWORD_INIT_TIMEOUT_SECONDS`.",
    4409: "The id of an operation that is still open.",
    4429: "A second `connection_init`; or too many connections of one principal or address.",
}

REFUSALS = {
    "invalid_grant": "At `/api/auth` (401), the password, code, passkey or refresh token is wrong or has expired; the"
    " answer does not say which. Sign in. At `/oauth/token` (400), the code or refresh token has expired, was used, or"
    " belongs to another client. Start the authorization again.",
    "mfa_required": "The password was right: send it again with `otp` or `recovery_code`.",
    "slow_down": "Too many attempts: wait `Retry-After` seconds. Guesses of others do not lock out a device that"
    " has signed in before: a browser has a cookie for that; an app keeps the `device_token` that it gets with"
    ' `"delivery": "body"` and sends it with each sign-in.',
    "invalid_token": "The access token that was sent for a step-up, passkey options or the consent page was refused."
    " Refresh it, or sign in.",
    "insufficient_user_authentication": "On the consent page: the client asks for a more recent sign-in, or for one by"
    " passkey or with two factors.",
    "invalid_dpop_proof": "Make a new proof: method, URL (the issuer's, not a proxy's) and clock must be right. The"
    " server's log names the rule.",
    "use_dpop_nonce": "Make a new proof that contains the nonce of the answer's header `DPoP-Nonce`, and send the"
    " request again.",
    "invalid_client": "The client's id, secret or assertion is not valid, or the client is disabled.",
    "unauthorized_client": "The client may not use this grant, or may not introspect; or the token belongs to another"
    " client.",
    "unsupported_grant_type": "There are `authorization_code`, `refresh_token` and `client_credentials`.",
    "unsupported_response_type": "There is `code`.",
    "request_not_supported": "Send the parameters themselves, not a request object.",
    "request_uri_not_supported": "Send the parameters themselves, not a reference to a request object.",
    "invalid_scope": "A scope that this client or grant may not have, or no scope.",
    "access_denied": "The person said no, or has none of these scopes; with 403, this kind of token may not do it.",
    "unmet_authentication_requirements": "A sign-in here can reach none of the `acr_values`: ask for one of"
    " `acr_values_supported` in the metadata.",
    "interaction_required": "There is no `prompt=none`: the person has to see a page.",
    "invalid_request": "The description says what is wrong. With 403, the request comes from a page of another"
    " origin.",
    "temporarily_unavailable": "Try again in a moment.",
}
