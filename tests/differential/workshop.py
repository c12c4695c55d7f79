"""A schema with everything around resolvers: permissions, field extensions, loaders, mutations, subscriptions.

Its objects are dicts, or have attributes; its names are not changed to camel case. It has a hook for errors.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.extensions import FieldExtension
from strawberry.field_extensions import InputMutationExtension
from strawberry.permission import BasePermission, PermissionExtension
from strawberry.schema.config import StrawberryConfig

from tests.differential.stage import stage
from watchword.context import Context, Info
from watchword.permissions.field import HasRole, HasScope, Public, SignedIn, condition
from watchword.permissions.rules import Question


def ask(name: str, source: Any) -> bool:
    """Decide a permission that is not pure, and note that it was asked."""
    place = f"{name} {number_of(source)}"
    stage.note("permission", place)
    number = stage.number(place)
    if number & 255 < stage.script.faults // 4:
        raise GraphQLError(f"{place} failed")
    return number & 7 > 1


def number_of(source: Any) -> Any:
    return source.get("number") if isinstance(source, dict) else getattr(source, "number", None)


@condition("to be asked")
def is_asked(question: Question) -> bool:
    stage.note("question", sorted(question.arguments), question.info.field_name)
    return ask("is_asked", question.source)


@condition("to be waited for")
async def is_awaited(question: Question) -> bool:
    await stage.wait("is_awaited")
    return ask("is_awaited", question.source)


@condition("to be Ann")
def is_ann(question: Question) -> bool:
    stage.note("permission is_ann")
    return question.principal.subject == "ann"


class Stock(BasePermission):
    message = "The stock permission refuses."
    error_extensions = {"code": "STOCK"}

    def has_permission(self, source: Any, info: Any, **arguments: Any) -> bool:
        return ask(f"stock {sorted(arguments.items())}", source)


class StockAsync(BasePermission):
    message = "The async stock permission refuses."

    async def has_permission(self, source: Any, info: Any, **arguments: Any) -> bool:
        if stage.number("stock_async", number_of(source)) & 1:
            await stage.wait("stock_async")
        return ask("stock_async", source)


class Awaitable(BasePermission):
    """A permission that is not async, and returns an awaitable, which Strawberry refuses in a sync field."""

    message = "The awaitable permission refuses."

    def has_permission(self, source: Any, info: Any, **arguments: Any) -> Any:
        answer = ask("awaitable", source)
        return StockAsync().has_permission(source, info) if answer else False


class Odd(BasePermission):
    """Returns something that is no boolean, which Strawberry refuses."""

    message = "The odd permission refuses."

    def has_permission(self, source: Any, info: Any, **arguments: Any) -> Any:
        return 1 if ask("odd", source) else False


class Lenient(BasePermission):
    """Refuses without raising, so that the field becomes what `on_unauthorized` returns."""

    def has_permission(self, source: Any, info: Any, **arguments: Any) -> bool:
        return ask("lenient", source)

    def on_unauthorized(self) -> Any:
        return None


def silently(*kinds: type[BasePermission]) -> PermissionExtension:
    return PermissionExtension([kind() for kind in kinds], fail_silently=True)


class Loud(FieldExtension):
    """Changes the result, and an argument if there is one."""

    def resolve(self, next_: Any, source: Any, info: Any, **arguments: Any) -> Any:
        stage.note("loud", sorted(arguments.items()), info.field_name)
        if "word" in arguments:
            arguments["word"] = f"<{arguments['word']}>"
        result = next_(source, info, **arguments)
        return result.upper() if isinstance(result, str) else result


class LoudAsync(FieldExtension):
    """Does the same, and may wait before and after the resolver."""

    async def resolve_async(self, next_: Any, source: Any, info: Any, **arguments: Any) -> Any:
        stage.note("loud async", sorted(arguments.items()))
        await stage.wait("loud")
        result = await next_(source, info, **arguments)
        await stage.wait("loud again")
        return f"{result}!" if isinstance(result, str) else result


class Both(Loud):
    """Has a way for async resolvers too."""

    async def resolve_async(self, next_: Any, source: Any, info: Any, **arguments: Any) -> Any:
        stage.note("both", sorted(arguments.items()))
        return await next_(source, info, **{name: f"{value}?" for name, value in arguments.items()})


class Catching(FieldExtension):
    """Turns some errors of a field into values, calls some resolvers twice, and some not at all."""

    def resolve(self, next_: Any, source: Any, info: Any, **arguments: Any) -> Any:
        how = stage.number("catching", number_of(source)) & 3
        if how == 0:
            return "left out"
        try:
            result = next_(source, info, **arguments)
            if how == 1 and not inspect.isawaitable(result):
                return f"{next_(source, info, **arguments)} twice"
            return result
        except RuntimeError as error:
            return f"caught {error}"


async def load_names(context: Context, keys: list[int]) -> list[Any]:
    stage.note("load names", keys)
    return [
        ValueError(f"no name {key}") if stage.number("name", key) % 9 == 0 else f"name {key}"
        for key in keys
    ]


async def load_parts(context: Context, keys: list[int]) -> list[Any]:
    stage.note("load parts", keys)
    await stage.wait(f"parts {keys}")
    if stage.number("parts", *keys) & 255 < stage.script.faults:
        raise RuntimeError(f"the parts {keys} cannot be loaded")
    return [[part(key + n) for n in range(1, 3)] for key in keys]


@strawberry.type
class Part:
    number: int
    label: str | None = None

    @strawberry.field
    async def name(self, info: Info) -> str | None:
        number = number_of(self)
        return await info.context.loader(load_names).load(number)

    @strawberry.field
    async def long_name(self, info: Info) -> str:
        number = number_of(self)
        loader = info.context.loader(load_names)
        return " ".join([await loader.load(number), await loader.load(number + 1)])

    @strawberry.field
    def name_later(self, info: Info) -> str | None:
        """A sync resolver that returns the loader's awaitable."""
        return info.context.loader(load_names).load(number_of(self))

    @strawberry.field
    async def parts(self, info: Info) -> list[Part]:
        return await info.context.loader(load_parts).load(number_of(self))

    @strawberry.field
    def twin(self) -> Part:
        number = number_of(self)
        return stage.play(f"twin{number}", part(number + 1))

    @strawberry.field(permission_classes=[HasScope("parts:price")])
    def price(self) -> int:
        return stage.play(f"price{number_of(self)}", 5)

    @strawberry.field(permission_classes=[HasScope("parts:price") | HasRole("keeper")])
    async def cost(self, info: Info) -> int | None:
        return await stage.play_async(f"cost{number_of(self)}", 7)

    @strawberry.field(permission_classes=[is_asked])
    def asked(self, of: int = 1) -> str | None:
        return stage.play(f"asked{number_of(self)} {of}", "asked")

    @strawberry.field(permission_classes=[HasRole("keeper"), is_awaited & SignedIn])
    def awaited(self) -> str | None:
        return stage.play(f"awaited{number_of(self)}", "awaited")

    @strawberry.field(permission_classes=[~HasRole("child") | is_ann])
    async def grown(self) -> str:
        return await stage.play_async(f"grown{number_of(self)}", "grown")

    @strawberry.field(permission_classes=[Stock, SignedIn])
    def stock(self, of: int | None = None) -> str | None:
        return stage.play(f"stock{number_of(self)}", f"stock {of}")

    @strawberry.field(permission_classes=[StockAsync, Stock])
    async def stock_async(self) -> str:
        return await stage.play_async(f"stock_async{number_of(self)}", "stock")

    @strawberry.field(permission_classes=[StockAsync])
    def stock_mixed(self) -> str | None:
        return stage.play(f"stock_mixed{number_of(self)}", "mixed")

    @strawberry.field(permission_classes=[Awaitable])
    def refused_awaitable(self) -> str | None:
        return "never"

    @strawberry.field(permission_classes=[Odd])
    def odd(self) -> str | None:
        return "never"

    @strawberry.field(permission_classes=[Lenient])
    def lenient(self) -> str:
        return stage.play(f"lenient{number_of(self)}", "lenient")

    @strawberry.field(extensions=[silently(Stock)])
    def silent(self) -> str | None:
        return stage.play(f"silent{number_of(self)}", "silent")

    @strawberry.field(extensions=[silently(HasScope("parts:price"), StockAsync)])
    async def silent_list(self) -> list[Part] | None:
        return await stage.play_async(f"silent_list{number_of(self)}", [part(1)])

    @strawberry.field(extensions=[silently(HasRole("keeper"))])
    def silent_scope(self) -> list[int]:
        return stage.play(f"silent_scope{number_of(self)}", [1])

    @strawberry.field(extensions=[Loud()])
    def loud(self, word: str = "word", other: int = 1) -> str | None:
        return stage.play(f"loud{number_of(self)}", f"{word} {other}")

    @strawberry.field(extensions=[LoudAsync(), Both()])
    async def louder(self, word: str = "word") -> str:
        return await stage.play_async(f"louder{number_of(self)}", word)

    @strawberry.field(extensions=[LoudAsync()], permission_classes=[Stock])
    def loud_mixed(self, word: str | None = None) -> str | None:
        return stage.play(f"loud_mixed{number_of(self)}", word)

    @strawberry.field(extensions=[Catching()])
    def catching(self) -> str | None:
        return stage.play(f"catching{number_of(self)}", "whole")


class Thing:
    """A part that is an object with attributes."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.label = f"thing {number}"


def part(number: int) -> Any:
    """A part: a dict, an object, a Strawberry object, or a dict without its label."""
    number %= 8
    match number % 4:
        case 0:
            return {"number": number, "label": f"dict {number}"}
        case 1:
            return Thing(number)
        case 2:
            return Part(number=number, label=None)
        case _:
            return {"number": number}


def read(source: Any, name: str) -> Any:
    """Strawberry's default resolver of this schema: items of dicts, and attributes of objects."""
    if isinstance(source, dict):
        return source[name] if name in source else stage.item(f"missing {name}", None)
    return getattr(source, name)


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def part(self, number: int = 0) -> Part | None:
        return stage.play(f"part{number}", part(number))

    @strawberry.field(permission_classes=[Public])
    async def all_parts(self, first: int = 4) -> list[Part]:
        return await stage.play_async("all_parts", [part(n) for n in range(min(first, 6))])

    @strawberry.field(permission_classes=[Public])
    def some_parts(self) -> list[Part | None] | None:
        return [stage.item(f"some_parts{n}", part(n)) for n in range(4)]

    @strawberry.field(permission_classes=[SignedIn])
    def me(self, info: Info) -> str | None:
        return info.context.principal.subject

    @strawberry.field(permission_classes=[HasRole("keeper") & is_asked])
    async def keepers(self) -> list[Part] | None:
        return await stage.play_async("keepers", [part(2)])


@strawberry.type
class Mutation:
    @strawberry.mutation(permission_classes=[Public])
    def make(self, number: int, label: str | None = None) -> Part | None:
        return stage.play(f"make{number}", part(number))

    @strawberry.mutation(permission_classes=[HasScope("parts:make")])
    async def make_slowly(self, number: int = 3) -> Part:
        await stage.wait("make_slowly")
        return await stage.play_async(f"make_slowly{number}", part(number))

    @strawberry.mutation(permission_classes=[is_asked], extensions=[InputMutationExtension()])
    async def change(self, info: Info, number: int, label: str = "none") -> Part | None:
        stage.note("change", number, label)
        return await stage.play_async(f"change{number}", part(number))

    @strawberry.mutation(permission_classes=[SignedIn], extensions=[Loud()])
    def say(self, word: str = "hello") -> str:
        return stage.play("say", word)


@strawberry.type
class Subscription:
    @strawberry.subscription(permission_classes=[Public])
    async def made(self, info: Info, first: int = 3) -> AsyncIterator[Part]:
        for number in range(min(first, 6)):
            yield part(number)

    @strawberry.subscription(permission_classes=[is_asked])
    async def made_or_not(self, first: int = 3) -> AsyncIterator[Part | None]:
        for number in range(min(first, 6)):
            yield stage.item(f"made_or_not{number}", part(number))

    @strawberry.subscription(permission_classes=[HasScope("parts:price"), StockAsync])
    async def prices(self) -> AsyncIterator[int]:
        for number in range(3):
            yield stage.item(f"prices{number}", number)

    @strawberry.subscription(permission_classes=[Public])
    async def mine(self, info: Info) -> AsyncIterator[Part]:
        """Ask who is there, which a run for several may not."""
        for number in range(3):
            if number == 1:
                stage.note("subject", info.context.principal.subject)
            yield part(number)

    @strawberry.subscription(permission_classes=[Public])
    async def failing(self) -> AsyncIterator[str]:
        yield "once"
        raise RuntimeError("it fails")


class Workshop(strawberry.Schema):
    """A schema that notes what its hook is told about errors."""

    def process_errors(self, errors: list[GraphQLError], execution_context: Any = None) -> None:
        for error in errors:
            cause = error.original_error
            nodes = [node.loc.start for node in error.nodes or () if node.loc]
            stage.note(
                "error",
                repr(error.message),
                error.path,
                nodes,
                type(cause).__name__,
                error.extensions,
            )
            if error.message.startswith("twin"):
                error.message = f"processed {error.message}"


schema = Workshop(
    Query,
    Mutation,
    Subscription,
    config=StrawberryConfig(auto_camel_case=False, default_resolver=read),
)
