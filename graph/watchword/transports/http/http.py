"""The HTTP transport: queries and mutations, and subscriptions as server-sent events or multipart.

Follows GraphQL over HTTP (https://graphql.github.io/graphql-over-http/draft/).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import lru_cache, partial
from typing import Any

from watchword.asgi.types import (
    PLANNED,
    Gone,
    Headers,
    Message,
    Receive,
    Response,
    Send,
    Table,
    address_of,
    header_table,
)
from watchword.asgi.written_head import WRITTEN, is_written, with_written
from watchword.context import Context
from watchword.errors import (
    BadUserInput,
    RateLimited,
    TimedOut,
    Unauthenticated,
    Unavailable,
)
from watchword.execution.masking import format_error, mask, to_json
from watchword.execution.plan import Draft, Plan, Refused
from watchword.execution.shared.store import JsonAnswer
from watchword.principal import ANONYMOUS, Principal
from watchword.process.eager import in_task
from watchword.tokens.credential import from_headers, in_url, uses_dpop
from watchword.tokens.dpop import Target
from watchword.transports.http.accept import (
    LONGEST_CACHED,
    MOST_CACHED,
    choose,
    names,
    parameters,
)
from watchword.transports.http.batch import Batch, Done, make_batches
from watchword.transports.http.caching import cache_control, conditional
from watchword.transports.http.multipart import CONTENT_TYPE as MULTIPART
from watchword.transports.http.multipart import (
    INCREMENTAL_SPEC,
    OTHER_SPECS,
    Multipart,
    MultipartParts,
)
from watchword.transports.http.reading import RequestReader
from watchword.transports.http.responses import (
    CONTENT_TYPES,
    GRAPHQL_JSON,
    JSON,
    Failure,
    challenges,
    failed,
    plain_media_type,
    refusal,
    step_up,
)
from watchword.transports.http.sse import CONTENT_TYPE as EVENT_STREAM
from watchword.transports.http.sse import EventStream
from watchword.transports.http.streaming import Format, StreamRequest, serve_stream
from watchword.transports.pipeline import Pipeline
from watchword.transports.request import NO_FILES, GraphQLRequest, Opening

HTML = "text/html"
STREAMS: dict[str, Format] = {EVENT_STREAM: EventStream(), MULTIPART: Multipart()}
PARTS: Format = MultipartParts()
INVALID_REQUEST: Headers = (
    (b"www-authenticate", b'Bearer realm="watchword", error="invalid_request"'),
)
Page = Callable[[str], tuple[bytes, Headers]]
"""Returns the explorer's page and its headers. The argument is the prefix of its relative URLs."""


class HttpTransport:
    """The ASGI endpoint for `http` scopes at /graphql."""

    def __init__(self, pipeline: Pipeline, page: Page | None) -> None:
        self._pipeline = pipeline
        self._page = page
        self._batches = make_batches(pipeline)
        self._reader = RequestReader(pipeline, self._batches)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        headers = header_table(scope)
        accept = headers.get(b"accept", b"").decode("latin-1")
        if self._page is not None and _is_browser(scope, accept):
            page, more = self._page("../" if scope.get("raw_path", b"").endswith(b"/") else "")
            await Response(200, page, more).send(send)
            return
        try:
            await self._serve(scope, headers, receive, send, accept)
        except Gone:
            return
        except RateLimited as error:
            after = (b"retry-after", b"%d" % error.extensions["retryAfter"])
            await failed(Failure(error.status, error, (after,)), accept).send(send)
        except (Unavailable, TimedOut, BadUserInput) as error:
            await failed(Failure(error.status, error), accept).send(send)
        except Unauthenticated as error:
            await failed(self._unauthorized(scope, error), accept).send(send)
        except Failure as failure:
            await failed(failure, accept).send(send)
        except Exception as error:
            await failed(Failure(500, mask(error)), accept).send(send)

    async def _serve(
        self, scope: Message, headers: Table, receive: Receive, send: Send, accept: str
    ) -> None:
        media_type = _media_type(accept)
        # A query string that is remembered was looked at before.
        if (query := scope["query_string"]) and not self._reader.remembers(query) and in_url(query):
            error = BadUserInput("Send the token in the Authorization header, never in the URL.")
            raise Failure(400, error, INVALID_REQUEST)
        address = address_of(scope["client"])
        principal = self._recall(headers)
        has_waited = principal is None
        if principal is None:
            target = Target(scope["method"], scope["path"], address=address)
            credential = from_headers(scope["headers"])
            principal = await self._pipeline.authenticate(credential, target)
        try:
            request = self._reader.take(scope, headers, receive)
            if request is None:
                has_waited = True
                request = await self._reader.receive(scope, headers, receive, address)
            if isinstance(request, Batch):
                await (await self._answer_batch(request, scope, principal, media_type)).send(send)
                return
            files = request.files
            try:
                if has_waited:
                    # The token may have expired or been revoked while the body arrived.
                    principal = self._pipeline.recheck_token(principal)
                plan = self._pipeline.plan(request, principal, address)
                _admit(scope, plan)
                if files is not NO_FILES and plan.is_subscription:
                    raise Failure(400, BadUserInput("A subscription cannot have files."))
                is_plain = media_type in CONTENT_TYPES
                if not is_plain and (form := _format(media_type, plan, accept)):
                    # A stream holds its request in memory until it ends: drop what it does not need.
                    request, opening = self._for_stream(request, plan, headers)
                    asked = StreamRequest(principal, plan, request, scope, address, opening)
                    await self._stream(form, asked, scope, receive, send)
                    return
                plain = media_type if is_plain else plain_media_type(accept)
                answered = await self._answer(scope, address, principal, plan, request)
            finally:
                if files is not NO_FILES:
                    files.close()
            answer = self._response(scope, headers, principal, plan, request, plain, *answered)
        except Refused as refused:
            errors = [format_error(error) for error in refused.errors]
            answer = refusal(errors, media_type, accept, refused.extensions)
        await with_written(answer, scope).send(send)

    async def _answer_batch(
        self, batch: Batch, scope: Message, principal: Principal, media_type: str
    ) -> Response:
        assert self._batches is not None, "it has read the batch"
        principal = self._pipeline.recheck_token(principal)
        address = address_of(scope["client"])

        async def run(plan: Plan, request: GraphQLRequest) -> Done:
            _admit(scope, plan)
            answer, _, demand = await self._answer(scope, address, principal, plan, request)
            json = self._pipeline.with_cost(answer.json, plan, request, principal, address)
            return Done(json, demand)

        made = await self._batches.answer(batch, principal, address, media_type, run)
        return with_written(made, scope)

    async def _stream(
        self, form: Format, asked: StreamRequest, scope: Message, receive: Receive, send: Send
    ) -> None:
        if scope["method"] != "HEAD":
            await in_task()
            await serve_stream(self._pipeline, form, asked, scope, receive, send)
            return
        # HEAD gets only the headers of the stream.
        headers = [*form.headers]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    def _for_stream(
        self, request: GraphQLRequest, plan: Plan, headers: Table
    ) -> tuple[GraphQLRequest, Opening | None]:
        """Return a request with only what a stream needs, and how its subscription opens; None if it is none.

        EventSource sends the cursor as a header.
        """
        extensions = request.extensions
        if request.resume is None and (last := headers.get(b"last-event-id")):
            # EventSource sends this header on its own when it reconnects (HTML, section 9.2.4).
            extensions = {**(extensions or {}), "resume": last.decode("latin-1")}
        variables = plan.declared(request.variables)
        request = request._replace(variables=variables, extensions=extensions)
        if not plan.is_subscription:
            return request, None
        opening = self._pipeline.opening(request)
        return request._replace(query=None, extensions=None), opening

    def _unauthorized(self, scope: Message, error: Unauthenticated) -> Failure:
        is_bound = self._pipeline.settings.dpop == "required" or uses_dpop(scope["headers"])
        return Failure(401, error, challenges(error, is_bound))

    def _recall(self, headers: Table) -> Principal | None:
        """Return the principal of a request without a token, or with one that was verified before and no proof.

        None for any other request: it has to be authenticated.
        """
        if b"dpop" in headers:
            return None
        given = headers.get(b"authorization")
        if given is None:
            return ANONYMOUS
        return self._pipeline.recall_bearer(given[7:]) if given[:7] == b"Bearer " else None

    def _response(
        self,
        scope: Message,
        headers: Table,
        principal: Principal,
        plan: Plan,
        request: GraphQLRequest,
        media_type: str,
        answer: JsonAnswer,
        is_shared: bool,
        demand: Headers,
    ) -> Response:
        if demand:
            return Response(200, answer.json, (*CONTENT_TYPES[media_type][1], *demand))
        if request.wants_cost:
            told = plan, request, principal, address_of(scope["client"])
            json = self._pipeline.with_cost(answer.json, *told)
            return Response(200, json, CONTENT_TYPES[media_type][1])
        content_type, private = CONTENT_TYPES[media_type]
        if scope["method"] == "POST" or not answer.is_whole or is_written(scope):
            return Response(200, answer.json, private)
        max_age = self._pipeline.settings.answer_max_age_seconds
        control = cache_control(principal.is_anonymous, is_shared, max_age)
        condition = headers.get(b"if-none-match", b"")
        return conditional(condition, answer.json, answer.tag, content_type, control)

    async def _answer(
        self,
        scope: Message,
        address: str,
        principal: Principal,
        plan: Plan,
        request: GraphQLRequest,
    ) -> tuple[JsonAnswer, bool, Headers]:
        """Return an operation's answer, whether it is a shared one, and the headers that demand a recent sign-in."""
        # Over every transport, an operation has a place among the open ones until it is answered, also if it waits for
        # an answer that others share.
        pipeline, caller = self._pipeline, (address, principal.subject)
        # The cursors that an answer must have reached are waited for also if it is not shared.
        if request.files is NO_FILES and (request.after or pipeline.shared.may_answer(plan)):
            own = request.after, request.refusals, partial(pipeline.operations.take, *caller)
            shared = await pipeline.shared.answer(plan, request.variables, principal, *own)
            if shared is not None:
                return shared, True, ()
        place = pipeline.operations.take(*caller)
        try:
            made = await self._execute(principal, plan, request, scope)
        finally:
            place.give_back()
        answer = JsonAnswer(to_json(made), is_whole="errors" not in made)
        return answer, False, step_up(made, principal)

    def _execute(
        self, principal: Principal, plan: Plan, request: GraphQLRequest, scope: Message
    ) -> Awaitable[dict[str, Any]]:
        if plan.is_subscription:
            raise Failure(
                406,
                BadUserInput(f"Subscriptions need a WebSocket, or Accept: {' or '.join(STREAMS)}."),
            )
        scope.setdefault(WRITTEN)
        context = Context(
            self._pipeline.services, principal, via=scope, extensions=request.extensions
        )
        return self._pipeline.engine.execute(plan, request.variables, context)


def _media_type(accept: str) -> str:
    found = (_chosen if len(accept) <= LONGEST_CACHED else _choose)(accept)
    if found is None:
        raise Failure(406, BadUserInput(f"Accept {JSON}, {GRAPHQL_JSON} or {EVENT_STREAM}."))
    return found


def _choose(accept: str) -> str | None:
    # Apollo Client names multipart/mixed and JSON in one header, and understands either.
    media_type = choose(accept, (JSON, GRAPHQL_JSON, EVENT_STREAM, MULTIPART))
    if names(accept, MULTIPART) and media_type not in (EVENT_STREAM, None):
        return MULTIPART
    return media_type


_chosen = lru_cache(MOST_CACHED)(_choose)


def _format(media_type: str, plan: Plan, accept: str) -> Format | None:
    """Return the format of a streamed answer; None for an answer that is not streamed."""
    if isinstance(plan, Draft):
        return None
    if media_type == MULTIPART and not plan.is_subscription:
        return PARTS if plan.gives_parts and _takes_parts(accept) else None
    return STREAMS.get(media_type)


def _takes_parts(accept: str) -> bool:
    """Tell whether a client can read the current form of answers in parts as multipart.

    A client that names another form, the one from before (`deferSpec`) or that of subscriptions, cannot read it.
    """
    given = parameters(accept, MULTIPART)
    return any(
        each["incrementalspec"] == INCREMENTAL_SPEC
        if "incrementalspec" in each
        else not OTHER_SPECS & {*each}
        for each in given
    )


def _is_browser(scope: Message, accept: str) -> bool:
    # A browser names HTML and prefers it, whether it opens the explorer or a link with a query in it. Other
    # clients that accept HTML also name JSON, or accept it by a wildcard and do not name HTML.
    if scope["method"] not in ("GET", "HEAD"):
        return False
    prefers_html = choose(accept, (JSON, GRAPHQL_JSON, HTML)) == HTML and names(accept, HTML)
    return prefers_html and not in_url(scope["query_string"])


def _admit(scope: Message, plan: Plan) -> None:
    """Tell the middleware which operation a request runs. Raises `Failure` if its method is not for such operations."""
    if PLANNED in scope:
        scope[PLANNED](plan)
    method = scope["method"]
    if method != "POST" and isinstance(plan, Draft):
        plan.is_safe_only = True
    if method != "POST" and plan.is_mutation:
        raise Failure(405, BadUserInput("Mutations need POST."), ((b"allow", b"POST"),))
