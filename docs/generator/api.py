"""The page of the public API: each name of `watchword.__all__` with its signature and docstring."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import EnumType
from functools import cache
from pathlib import Path
from typing import Any

import watchword
import watchword.client
import watchword.public
from docs.generator import markdown

ABOUT = """\
What a mounted schema imports: `from watchword import Info, SignedIn`. Nothing else is public: what another module holds
may change with any release. Types are written as the code has them; `Account` and other names without a package are on
this page."""
TITLES = {
    "auth": "Accounts, sessions, audit",
    "connections": "Presence",
    "cli": "Commands of a schema",
    "execution": "Schema extensions",
    "formats": "Texts",
    "oauth": "Clients and consents",
    "relay": "Relay: ids, pages, connections",
    "storage": "Database and columns",
}
# The server makes the objects of these classes; resolvers and commands are given them.
GIVEN = {"Context", "Operator", "Transaction"}
LONGEST, LINE = 90, 10_000


def page() -> str:
    """Return the page. Raises `LookupError` for a public name that says nothing of itself."""
    rooms: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for name, module, original in _imports():
        rooms[module.split(".")[1]].append((name, module, original))
    parts = []
    for room in sorted(rooms):
        parts.append(f"## {TITLES.get(room, room.capitalize())}")
        parts += [part for named in sorted(rooms[room]) for part in _name(*named)]
    return markdown.page("Public API", ABOUT, *parts)


def _imports() -> Iterator[tuple[str, str, str]]:
    """Return each public name with the module that defines it and its name there."""
    source = ast.parse(Path(watchword.public.__file__).read_text())
    for node in ast.walk(source):
        if isinstance(node, ast.ImportFrom):
            for each in node.names:
                name = each.asname or each.name
                if name in watchword.__all__:
                    yield name, node.module or "", each.name


def _name(name: str, module: str, original: str) -> Iterator[str]:
    thing = getattr(watchword, name)
    yield f"### {name}"
    constant = _documented_constant(module, original)
    if constant is not None:
        yield constant
    elif isinstance(thing, EnumType):
        yield markdown.doc(thing)
        yield ", ".join(map(markdown.code, thing.__members__))
    elif hasattr(thing, "__strawberry_definition__"):
        yield from _graphql(thing)
    elif inspect.isclass(thing):
        yield from class_of(name, thing)
    else:
        yield _python(_call(name, thing))
        yield markdown.doc(thing)


def _documented_constant(module: str, name: str) -> str | None:
    """Return the docstring below `NAME = …` or `NAME: Type = …` in a module; None for anything else."""
    body = ast.parse(inspect.getsource(importlib.import_module(module))).body
    for node, after in zip(body, [*body[1:], None], strict=True):
        targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
        if name not in [getattr(target, "id", None) for target in targets]:
            continue
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            return inspect.cleandoc(str(after.value.value))
        raise LookupError(f"{module}.{name} has no docstring below it, and docs/reference shows it")
    return None


def class_of(name: str, thing: type) -> Iterator[str]:
    """Yield how a class is made, its docstring, and its methods."""
    yield _python(_head(name, thing))
    yield markdown.doc(thing)
    undocumented = [each for each in thing.__mro__[1:] if _is_inner(each)]
    methods = [method(*each) for part in (thing, *undocumented) for each in methods_of(part)]
    if methods:
        yield "\n".join(methods)


def method(name: str, function: Any) -> str:
    """Return a line about a method: its signature and its docstring."""
    title = name if isinstance(function, property) else _call(name, function, longest=LINE)
    about = " ".join((function.__doc__ or "").split())
    return f"* {markdown.code(title)}" + (f": {about}" if about else "")


def _call(name: str, function: Any, longest: int = LONGEST) -> str:
    """Return a signature, with how the thing is called before it: `async`, or `async with`."""
    signature = _signature(name, function, longest)
    if inspect.iscoroutinefunction(function):
        return f"async {signature}"
    if inspect.isasyncgenfunction(getattr(function, "__wrapped__", None)):
        return "async with " + re.sub(r"-> AsyncIterator.(.*).$", r"-> \1", signature)
    return signature


def _head(name: str, thing: Any) -> str:
    """Return how a class is made: its fields, or the parameters of its `__init__`, or its base."""
    if is_dataclass(thing):
        return "\n".join([f"class {name}:", *map(_field, fields(thing))])
    if hasattr(thing, "__table__"):
        columns = [f"    {key}: {kind}" for key, kind in thing.__annotations__.items()]
        return "\n".join([f"class {name}:", *columns])
    if name in GIVEN:
        return f"class {name}"
    if "__init__" in thing.__dict__:
        return "class " + _signature(name, thing.__init__).removesuffix(" -> None")
    base = thing.__bases__[0].__name__
    return f"class {name}({base})"


def _field(field: Field[Any]) -> str:
    default = field.default
    if field.default_factory is not MISSING:
        default = field.default_factory()
    return f"    {field.name}: {field.type}" + ("" if default is MISSING else f" = {default!r}")


def _is_inner(base: type) -> bool:
    """Return whether a base class is ours and has no entry of its own on a page."""
    named = {*watchword.__all__, *watchword.client.__all__}
    return base.__module__.startswith("watchword.") and base.__name__ not in named


def methods_of(thing: type) -> Iterator[tuple[str, Any]]:
    """Yield the public methods and properties that a class itself has, by their names."""
    for name, function in thing.__dict__.items():
        function = getattr(function, "__func__", function)
        if name.startswith("_") or not (callable(function) or isinstance(function, property)):
            continue
        # An override that says nothing is for the framework that calls it.
        if function.__doc__ or not any(name in base.__dict__ for base in thing.__mro__[1:]):
            yield name, function


def _graphql(thing: Any) -> Iterator[str]:
    """Tell of a Strawberry type by its fields in GraphQL."""
    definition = thing.__strawberry_definition__
    about = definition.description or inspect.getdoc(thing) or ""
    # A dataclass without a docstring gets its signature for one.
    if about and not about.startswith(f"{thing.__name__}("):
        yield about
    lines = []
    for each in definition.fields:
        if "Private[" in str(getattr(each.type_annotation, "raw_annotation", "")):
            continue
        name = each.graphql_name or re.sub("_([a-z])", lambda found: found[1].upper(), each.name)
        lines.append(
            f"* {markdown.code(name)}" + (f": {each.description}" if each.description else "")
        )
    yield "\n".join(lines)


def _signature(name: str, function: Any, longest: int = LONGEST) -> str:
    signature = inspect.signature(function)
    kept = [each for each in signature.parameters.values() if each.name != "self"]
    text = f"{name}{_text(signature.replace(parameters=kept))}"
    if len(text) <= longest:
        return text
    lines = [f"    {_unquoted(str(each))}," for each in _with_marks(kept)]
    result = _unquoted(inspect.formatannotation(signature.return_annotation))
    return "\n".join([f"{name}(", *lines, f") -> {result}"])


def _with_marks(parameters: list[inspect.Parameter]) -> Iterator[object]:
    has_star = False
    for each in parameters:
        has_star |= each.kind is inspect.Parameter.VAR_POSITIONAL
        if each.kind is inspect.Parameter.KEYWORD_ONLY and not has_star:
            has_star = True
            yield "*"
        yield each


def _text(signature: inspect.Signature) -> str:
    return _unquoted(str(signature))


def _unquoted(text: str) -> str:
    # A function that is a default is shown by its name, and not with the address where it lies.
    text = re.sub(r"<(?:built-in )?(?:function|method) (\w+)[^>]*>", r"\1", text)
    # Annotations are strings by `from __future__ import annotations`.
    text = re.sub(r"(: |-> |^)'([^']*)'", r"\1\2", text)
    # They name a class as its own module does; the page names it as `watchword` does.
    return re.sub(r"\b[A-Z]\w*", lambda match: _renamed().get(match[0], match[0]), text)


@cache
def _renamed() -> dict[str, str]:
    """Return the public names of classes that have another name in their own modules."""
    public = {name: getattr(watchword, name) for name in watchword.__all__}
    return {
        thing.__name__: name
        for name, thing in public.items()
        if isinstance(thing, type) and thing.__name__ not in (name, *public)
    }


def _python(text: str) -> str:
    return f"```python\n{text}\n```"
