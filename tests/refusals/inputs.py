"""Refusals of guarded inputs."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any

import strawberry
from strawberry import federation
from strawberry.directive import DirectiveLocation
from strawberry.permission import BasePermission

from tests.refusals.ground import Case, Ground
from watchword import Domain, FirstParty, Public, SignedIn, guarded_by
from watchword.permissions.field import observe


class Theirs(BasePermission):
    def has_permission(self, source: Any, info: Any, **_: Any) -> bool:
        return True


def served(ground: Ground, hello: Any, **options: Any) -> None:
    """Serve a schema with one field, which this function resolves."""
    field = strawberry.field(hello, permission_classes=[Public])
    root = strawberry.type(type("Query", (), {"hello": field}))
    ground.serve(schema=strawberry.Schema(root, **options))


def permission_classes(ground: Ground) -> None:
    def guarded(**how: Any) -> type:
        body = {"__annotations__": {"a": int}, "a": strawberry.field(default=1, **how)}
        return strawberry.input(type("Given", (), body))

    def taking(kind: type) -> Any:
        def hello(given: Any = None) -> int:
            return 1

        hello.__annotations__["given"] = kind
        return hello

    with ground.refused(r"Given.a: an input field does not ask permission_classes. Write"):
        served(ground, taking(guarded(permission_classes=[SignedIn])))
    served(ground, taking(guarded(directives=[guarded_by(SignedIn)])))


def others(ground: Ground) -> None:
    def taking(permission: type[BasePermission]) -> Any:
        def hello(given: Any = 1) -> int:
            return 1

        directives = [guarded_by(permission)]
        hello.__annotations__["given"] = Annotated[int, strawberry.argument(directives=directives)]
        return hello

    with ground.refused(r"hello\(given:\): Theirs is for fields. An input asks"):
        served(ground, taking(Theirs))
    served(ground, taking(SignedIn))


def guarded_kind(permission: type[BasePermission] | None) -> type[Enum]:
    guards = [] if permission is None else [guarded_by(permission)]
    value = strawberry.enum_value("a", directives=guards)
    return strawberry.enum(Enum("Kind", {"A": value}))  # type: ignore[arg-type]


def directives(ground: Ground) -> None:
    def loud(kind: type[Enum]) -> Any:
        def loud(value: str, kind: Any) -> str:
            return value

        loud.__annotations__["kind"] = kind
        return strawberry.directive(locations=[DirectiveLocation.FIELD])(loud)

    def hello() -> str:
        return "hello"

    with ground.refused(r"@loud\(kind:\) takes something that guarded_by guards.* Take it out of"):
        served(ground, hello, directives=[loud(guarded_kind(SignedIn))])
    served(ground, hello, directives=[loud(guarded_kind(None))])


def values(ground: Ground) -> None:
    def returning(permission: type[BasePermission]) -> Any:
        kind = guarded_kind(permission)

        def hello() -> Any:
            return kind["A"]

        hello.__annotations__["return"] = kind
        return hello

    with ground.refused(r"Kind.A is a value of answers.* Guard the fields that return it"):
        served(ground, returning(FirstParty))
    with ground.refused(
        r"Kind.A is a value of answers, which observe.* Write the permission itself"
    ):
        served(ground, returning(observe(SignedIn)))
    served(ground, returning(SignedIn))


def replaced_function(ground: Ground) -> None:
    def made(is_replaced: bool) -> strawberry.Schema:
        def hello(kind: Any) -> str:
            return "hello"

        hello.__annotations__["kind"] = guarded_kind(SignedIn)
        field = strawberry.field(hello, permission_classes=[Public])
        schema = strawberry.Schema(strawberry.type(type("Query", (), {"hello": field})))
        if is_replaced:
            schema._schema.query_type.fields["hello"].resolve = lambda *_, **__: "mine"  # type: ignore[union-attr]
        return schema

    with ground.refused(r"Query.hello: the function .* Let Strawberry make the field"):
        ground.serve(schema=made(True))
    ground.serve(schema=made(False))


def keys(ground: Ground) -> None:
    def made(permission: type[BasePermission] | None) -> strawberry.Schema:
        kind = guarded_kind(permission)

        def resolve_reference(cls: type, kind: Any) -> Any:
            return cls()

        body = {
            "__annotations__": {"kind": kind},
            "resolve_reference": classmethod(resolve_reference),
        }
        thing = federation.type(keys=["kind"])(type("Thing", (), body))

        def hello() -> Any:
            return None

        hello.__annotations__["return"] = thing
        field = strawberry.field(hello, permission_classes=[Public])
        root = strawberry.type(type("Query", (), {"hello": field}))
        return federation.Schema(query=root, types=[guarded_by(Public)(thing)])

    domain = Domain(permissions={"Thing": [SignedIn]}, default_permissions=[Public])
    with ground.refused(r"Thing.kind is in references that routers send.* Take it out of the key"):
        ground.serve(domain, made(SignedIn))
    ground.serve(domain, made(None))


CASES: list[Case] = [permission_classes, others, directives, values, replaced_function, keys]
