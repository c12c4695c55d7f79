"""The page of errors: of GraphQL, of live connections (close codes), and of the routes (OAuth)."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import watchword.errors
from docs.generator import markdown
from docs.generator.markdown import code, doc, table
from docs.generator.remarks import CLOSES, ERRORS, REFUSALS
from watchword.errors import Ending, InvalidProof, NonceNeeded, WatchwordError
from watchword.transports.websocket.protocol import CloseCode

RUNTIME = Path(watchword.errors.__file__).parent
ABOUT = """\
A client that knows the code of an error knows what to do. Codes and close codes do not change; messages may. Where a
code has several meanings, they are numbered."""
GRAPHQL = """\
In `errors[].extensions.code` of an answer. When a whole request fails, the answer has the HTTP status as well; when a
live connection fails, it is closed with the close code. A stream over HTTP ends with a last event that has the code."""
SOCKET = """\
Chosen for what the stock graphql-ws client does: it gives up on 4400, 4401, 4406, 4409 and 4429, and comes back with
fresh `connectionParams` after 4403, 1012 and 1013. **4403 says: come back with a new token. 4401 says: sign in again.**

Expiry closes the socket and sends no `error` for the operations: an `error` would end them for good in the client, and
after a close the client comes back and resumes."""
OAUTH = """\
The routes under `/api/auth` and `/oauth` answer `{"error": …, "error_description": …}` (RFC 6749, section 5.2). The
authorization endpoint sends the error to the client's redirect address, where that address is certain."""
# The protocol's implementation closes by itself when a message is too long.
BY_UVICORN = {1009}
# Codes that reach a refusal in a variable, with their statuses.
IN_VARIABLES = {
    NonceNeeded("").error: {"400", "401"},
    InvalidProof("").error: {"400", "401"},
    "request_not_supported": {"redirect"},
    "request_uri_not_supported": {"redirect"},
}


def page() -> str:
    """Return the page. Raises `LookupError` when the remarks do not fit the codes."""
    return markdown.page(
        "Errors",
        ABOUT,
        "## GraphQL",
        GRAPHQL,
        table(["code", "HTTP", "close code", "meaning", "what to do"], _errors()),
        "## Close codes",
        SOCKET,
        table(["code", "name", "when"], _closes()),
        "## Routes",
        OAUTH,
        table(["error", "HTTP", "what it means and what to do"], _refusals()),
    )


def _errors() -> Iterator[list[str]]:
    kinds: dict[str, list[type[WatchwordError]]] = defaultdict(list)
    for kind in _below(WatchwordError):
        kinds[kind.code].append(kind)
    streams = {ending.code: ending for ending in Ending if ending.code not in kinds}
    _check({*kinds, *streams}, ERRORS, "ERRORS")
    for name, found in kinds.items():
        statuses = _joined({str(kind.status) for kind in found})
        closes = _joined({str(kind.close_code) for kind in found if _closes_sockets(kind)})
        meaning = _alternatives([_first_sentence(doc(kind)) for kind in found])
        yield [code(name), statuses, closes, meaning, ERRORS[name]]
    for name, ending in streams.items():
        yield [
            code(name),
            "",
            str(ending.close_code),
            ending.reason.capitalize() + ".",
            ERRORS[name],
        ]


def _below(kind: type[WatchwordError]) -> Iterator[type[WatchwordError]]:
    for inner in kind.__subclasses__():
        if inner.__module__ == watchword.errors.__name__:
            yield inner
            yield from _below(inner)


def _alternatives(meanings: list[str]) -> str:
    """Number the meanings of a code if it has more than one."""
    if len(meanings) == 1:
        return meanings[0]
    return " ".join(f"({number}) {meaning}" for number, meaning in enumerate(meanings, 1))


def _closes_sockets(kind: type[WatchwordError]) -> bool:
    """Tell whether a class names a close code, and does not only inherit the default."""
    return kind.close_code != WatchwordError.close_code


def _first_sentence(text: str) -> str:
    paragraph = " ".join(text.partition("\n\n")[0].split())
    return re.split(r"(?<=\.) ", paragraph)[0]


def _closes() -> Iterator[list[str]]:
    _check(_close_codes(), CLOSES, "CLOSES")
    names: dict[int, list[str]] = defaultdict(list)
    for named in CloseCode:
        names[named.value].append(named.name)
    for ending in Ending:
        names[ending.close_code].append(ending.name)
    for number, when in sorted(CLOSES.items()):
        yield [str(number), ", ".join(names[number]), when]


def _close_codes() -> set[int]:
    """Return the numbers in the transports and the errors that are close codes of ours."""
    paths = [RUNTIME / "errors.py", *(RUNTIME / "transports").rglob("*.py")]
    numbers = {
        node.value
        for path in paths
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and type(node.value) is int
    }
    # 1006 is what ASGI says of a connection that broke; nobody can send it (RFC 6455, section 7.4.1).
    return {n for n in numbers if 1008 <= n <= 1013 or 4400 <= n <= 4499} | BY_UVICORN


def _refusals() -> Iterator[list[str]]:
    found: dict[str, set[str]] = defaultdict(set, IN_VARIABLES)
    for path in RUNTIME.rglob("*.py"):
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                for name, status in _refused(path, function):
                    found[name].add(status)
    _check(found, REFUSALS, "REFUSALS")
    for name, remark in REFUSALS.items():
        yield [code(name), _joined(found[name]), remark]


def _refused(path: Path, function: ast.AST) -> Iterator[tuple[str, str]]:
    """Return the errors that a function refuses with, and the status that goes with each."""
    for call in ast.walk(function):
        name = getattr(call.func, "id", "") if isinstance(call, ast.Call) else ""
        if name not in ("Refusal", "OAuthError"):
            continue
        assert isinstance(call, ast.Call)
        given = [each.value for each in call.args if isinstance(each, ast.Constant)]
        errors = [each for each in given if isinstance(each, str) and re.fullmatch("[a-z_]+", each)]
        numbers = [str(each) for each in given if type(each) is int]
        if errors:
            yield errors[0], numbers[0] if numbers else _default(path, function)


def _default(path: Path, function: ast.AST) -> str:
    """Return how an `OAuthError` without a status is answered."""
    if path.parent.name != "authorize":
        return "400"
    # Before the client's address is certain, only the person hears of it.
    return "page" if getattr(function, "name", "") == "address_of" else "redirect"


def _joined(texts: Iterable[str]) -> str:
    return ", ".join(sorted(texts))


def _check(found: Iterable[object], remarks: Iterable[object], name: str) -> None:
    if different := set(found) ^ set(remarks):
        raise LookupError(f"docs/generator/remarks.py, {name}: see to {different}")
