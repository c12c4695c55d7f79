"""The table of all limits: what is limited, by which setting, where, and what a client gets beyond it.

`watchword limits` and docs/reference/limits.md print it. Whether a caller is beyond a limit, and what it is told then, is
decided in `throttling/ceiling.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from pydantic_settings import BaseSettings

from watchword.formats.exact_json import DEEPEST_READ

EVERY = "every transport"
HTTP, SOCKET, LIVE = "HTTP", "WebSocket", "WebSocket, SSE, multipart"
COMPLEX, LIMITED, LATE, BAD = "TOO_COMPLEX", "RATE_LIMITED", "TIMEOUT", "BAD_USER_INPUT"
# The status of a body that is too large.
TOO_LARGE = "413"


class Limit(NamedTuple):
    """One limit: its name, what is counted, the code or status that a client gets beyond it, and where it holds.

    `setting` is the name of a field in `Settings`; the limit is that number, multiplied by `times`. A limit without a
    setting has a `fixed` number. A limit that `is_measurable` refuses nothing while limits are only measured.
    """

    name: str
    counted: str
    answer: str
    where: str
    setting: str | None = None
    fixed: int | None = None
    times: int = 1
    is_measurable: bool = False

    def value(self, settings: BaseSettings) -> Any:
        """Return the limit with these settings."""
        return self.fixed if self.setting is None else self.times * getattr(settings, self.setting)


def _set(name: str, counted: str, answer: str, where: str, setting: str = "") -> Limit:
    return Limit(name, counted, answer, where, setting or f"max_{name}")


# Of the 455 documents of a large front end (Saleor Dashboard), none needs more than one comparison for two tokens.
COMPARISONS_PER_TOKEN = 10
# A document of a live subscription stays in memory: a token takes about 500 bytes, so one address holds about 50 MB at most,
# and a process 500 MB. An address has room for 1,000 subscriptions with documents of their own that have 100 tokens.
SUBSCRIBED_BY_ADDRESS, SUBSCRIBED_BY_PROCESS = 50, 500
# A character takes up to eight bytes.
CHARACTERS_PER_TOKEN = 50
# Of these, each operation is measured before it runs. `execution.limits.Limits` has a field of each name.
OPERATION = (
    _set("characters", "characters", COMPLEX, EVERY, "max_document_characters"),
    _set("tokens", "tokens, or comments", COMPLEX, EVERY),
    Limit("digits", "digits of a number", BAD, EVERY, fixed=4_300),
    _set("comparisons", "comparisons of fields of one name", COMPLEX, EVERY, "max_tokens")._replace(
        times=COMPARISONS_PER_TOKEN
    ),
    _set("directives", "directives", COMPLEX, EVERY)._replace(is_measurable=True),
    _set("depth", "fields deep", COMPLEX, EVERY)._replace(is_measurable=True),
    Limit("introspection", "fields of introspection deep", COMPLEX, EVERY, fixed=20),
    _set("aliases", "aliases", COMPLEX, EVERY)._replace(is_measurable=True),
    _set("root_fields", "root fields", COMPLEX, EVERY)._replace(is_measurable=True),
    _set("cost", "cost of an operation", COMPLEX, EVERY)._replace(is_measurable=True),
)
BUDGETS = tuple(
    _set(name, counted, LIMITED, EVERY, name)._replace(is_measurable=True)
    for name, counted in (
        ("budget_per_principal", "cost of a principal's operations in a minute"),
        ("budget_per_client", "cost of a client's operations in a minute"),
        ("budget_per_address", "cost of operations without a token from one address in a minute"),
    )
)
REQUEST = (
    _set("header_bytes", "bytes of a request line and its headers, with a query in it", "431 or 414", HTTP),
    Limit("headers", "headers of a request", "431", HTTP, fixed=100),
    Limit("head_seconds", "seconds until a request line and its headers have arrived", "408", HTTP, fixed=15),
    _set("body_bytes", "bytes of a body: document, variables and extensions", TOO_LARGE, HTTP),
    Limit("form_bytes", "bytes of a body to an endpoint of OAuth", TOO_LARGE, HTTP, fixed=65_536),
    Limit("form_parameters", "parameters of a body to an endpoint of OAuth", "400", HTTP, fixed=50),
    Limit("body_seconds", "seconds until a body has arrived", "408", HTTP, fixed=30),
    Limit("levels", "levels of lists and objects in a body or a message", "BAD_USER_INPUT or close 4400", EVERY, fixed=DEEPEST_READ),
    _set("message_bytes", "bytes of a message: document, variables and extensions", "close 1009", SOCKET),
    Limit("kept_bytes", "bytes that are kept: variables and extensions of a subscription, or the payload of connection_init", BAD, LIVE, fixed=65_536),
    _set("messages_per_second", "messages of a connection in a second", "close 1008", SOCKET),
    Limit("batch", "operations of a request, unless batching_config of the schema says more", BAD, HTTP, fixed=1),
    Limit("cursors", "cursors in extensions.after", BAD, EVERY, fixed=20),
    _set("upload_files", "files of a request", TOO_LARGE, HTTP),
    _set("upload_file_bytes", "bytes of a file", TOO_LARGE, HTTP),
    _set("upload_bytes", "bytes of a body with files", TOO_LARGE, HTTP),
    _set("upload_seconds", "seconds until a body with files has arrived", "408", HTTP, "upload_seconds"),
)  # fmt: skip
TIME = (
    _set("operation_seconds", "seconds of a query or mutation", LATE, EVERY, "operation_seconds"),
    _set("event_seconds", "seconds of an event", LATE, LIVE, "event_seconds"),
    _set("init_timeout", "seconds until connection_init", "close 4408", SOCKET, "init_timeout_seconds"),
    Limit("unread_seconds", "seconds in which a client reads nothing of its answers", "the connection ends", HTTP, fixed=30),
    _set("slow_seconds", "seconds in which a client reads nothing", "TOO_SLOW", LIVE, "slow_seconds"),
)  # fmt: skip
_SUBSCRIBED = f"tokens of the different documents of open subscriptions (comments and each {CHARACTERS_PER_TOKEN} characters count too)"
PLACES = (
    _set("operations", "open operations of a connection", LIMITED, SOCKET),
    _set("operations_per_principal", "open operations of a principal in a process", LIMITED, EVERY),
    _set("operations_per_address", "open operations of an address in a process", LIMITED, EVERY),
    _set("operations_per_process", "open operations of a process", LIMITED, EVERY),
    _set("subscribed_per_address", f"{_SUBSCRIBED} of an address in a process", LIMITED, LIVE, "max_tokens")._replace(times=SUBSCRIBED_BY_ADDRESS),
    _set("subscribed_per_process", f"{_SUBSCRIBED} of a process", LIMITED, LIVE, "max_tokens")._replace(times=SUBSCRIBED_BY_PROCESS),
    _set("connections_per_principal", "connections of a principal to a process", LIMITED, LIVE),
    _set("connections_per_address", "connections of an address to a process", LIMITED, LIVE),
    _set("uploads_per_address", "requests with files of an address in a process", LIMITED, HTTP),
    _set("uploads_per_process", "requests with files of a process", LIMITED, HTTP),
    _set("outgoing", "messages that wait for a client", "TOO_SLOW", LIVE, "outgoing_limit"),
    _set("outgoing_bytes", "bytes that wait for a client", "TOO_SLOW", LIVE, "outgoing_limit_bytes"),
)  # fmt: skip

SECTIONS = {
    "An operation, before it runs": OPERATION,
    "All operations of a caller": BUDGETS,
    "A request": REQUEST,
    "Time": TIME,
    "At the same time": PLACES,
}
TABLE = tuple(limit for section in SECTIONS.values() for limit in section)


def fixed(name: str) -> int:
    """Return the number of a limit that no setting changes."""
    [found] = [each.fixed for each in TABLE if each.name == name]
    assert found is not None, f"{name} has a setting"
    return found


def measurable() -> Iterator[Limit]:
    """Yield the limits of an operation that refuse nothing while limits are only measured."""
    return (each for each in OPERATION if each.is_measurable)


def proposable() -> Iterator[Limit]:
    """Yield the limits whose numbers `watchword limits report` proposes."""
    return (each for each in (*OPERATION, *BUDGETS) if each.is_measurable)
