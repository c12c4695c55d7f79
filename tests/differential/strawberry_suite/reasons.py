"""Why tests of Strawberry's own suite do not pass. docs/explanation/strawberry.md says more about each reason."""

from __future__ import annotations

import re

REASONS: dict[str, tuple[str, ...]] = {
    "other words or another status for a request that is refused": (
        r"test_http::test_exception$",
        r"test_http::test_does_only_allow_get_and_post\[head\]",
        r"test_query::test_requests_with_invalid_",
        r"test_query::test_passing_invalid_json_",
        r"test_query::test_missing_query",
        r"test_query::test_invalid_operation_selection",
        r"test_query::test_operation_selection_without_operations",
        r"test_query_via_get::test_sending_empty_query",
        r"test_query_via_get::test_does_not_allow_mutation",
        r"test_graphql_ide::test_does_not_render_graphiql_if_wrong_accept",
        r"test_graphql_ide::test_renders_graphiql_disabled\[None\]",
        r"test_sse::test_sse_(missing_query|graphql_parse_error|rejects_)",
        r"test_returns_error_when_trying_to_use_batching_with_multipart",
        r"test_sse::test_sse_mutation\[get\]",
        r"test_upload::test_(multipart_uploads_are_disabled|upload_missing_file|upload_invalid_query)",
        r"test_upload::test_(sending_invalid|extra_form_data)",
        r"transport_ws::test_(unknown|missing)_message_type",
        r"transport_ws::test_parsing_an_invalid_message",
        r"transport_ws::test_non_(text|json)_ws_messages",
        r"transport_ws::test_ws_message_frame_types",
        r"transport_ws::test_rejects_connection_params",
        r"transport_ws::test_max_subscriptions_per_connection$",
    ),
    "an operation that cannot run over a socket is answered by `error`, and the socket stays open": (
        r"transport_ws::test_(single_result_)?invalid_operation_selection",
        r"transport_ws::test_(single_result_)?operation_selection_without_operations",
        r"transport_ws::test_subscription_syntax_error",
    ),
    "a document with several operations needs operationName": (
        r"test_query::test_operation_selection\[",
        r"transport_ws::test_(single_result_)?operation_selection\[",
    ),
    "the subprotocol graphql-ws of 2020 is refused": (
        r"websockets/test_graphql_ws::",
        r"test_websockets::test_(turning_off|clients_can_prefer)",
    ),
    "methods of Strawberry's view classes that a user overrides": (
        r"test_query::test_root_value",
        r"test_query::test_calls_handle_errors",
        r"test_process_result::",
        r"decode_json|encode_json|encoded_json",
        r"transport_ws::test_setting_a_connection_ack_payload",
        r"transport_ws::test_rejecting_connection_closes",
        r"test_sse::test_sse_calls_handle_errors",
    ),
    "resolvers write into the head of a stream, or take the socket from the context": (
        r"transport_ws::test_context_can_be_modified",
        r"transport_ws::test_server_sent_ping",
        r"test_sse::test_sse_response_uses_streaming_status_and_headers",
    ),
    "parts of Strawberry's handler for sockets": (
        r"transport_ws::test_connection_init_timeout_cancellation",
        r"transport_ws::test_document_",
        r"transport_ws::test_incremental_delivery_frames",
        r"transport_ws::test_subscription_cancellation",
        r"transport_ws::test_error_handler_for_timeout",
        r"transport_ws::test_(task_)?done_callback",
        r"transport_ws::test_task_done",
        r"transport_ws::test_shutdown_",
    ),
    "the text of an exception, or of a value that does not fit, is concealed": (
        r"transport_ws::test_subscription_exceptions",
        r"transport_ws::test_subscription_errors_continue",
        r"test_sse::test_sse_subscription_(resolver_exception|mid_stream_error)",
    ),
    "each operation of a batch has a context of its own": (
        r"test_query_batching::test_context_is_shared",
    ),
    "other explorers than GraphiQL, and switches that Watchword lacks": (
        r"test_graphql_ide::test_renders_graphql_ide",
        r"test_graphql_ide::test_renders_graphiql_disabled\[False\]",
        r"test_query_via_get::test_fails_if_allow_queries_via_get_false",
        r"test_sse::test_sse_requires_enabled_protocol",
    ),
    "other headers of a stream, and another choice among equal media types": (
        r"test_sse::test_sse_subscription\[",
        r"test_sse::test_sse_accept_header_parsing\[multiple-values\]",
        r"test_multipart_subscription_returns_error_for_query_operation",
    ),
    "other members in a part of an answer to @defer or @stream, and extensions that see all of it": (
        r"incremental/test_(defer|stream)::",
        r"test_sse::test_sse_stream_directive",
    ),
    "a header Authorization must hold a token": (r"test_sse::test_sse_uses_http_context",),
}
"""For each reason, patterns of the names of tests."""


def reason_for(test: str) -> str | None:
    """Return the reason why a test does not pass; None if none is known."""
    for reason, patterns in REASONS.items():
        if any(re.search(pattern, test) for pattern in patterns):
            return reason
    return None
