"""A small schema, so that tests of the runtime never need the built-in domain."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import NamedTuple

import strawberry

from tests.support.clock import passed
from watchword.auth.fields.identity_fields import IdentityMutation
from watchword.context import Context, Info
from watchword.errors import BadUserInput, NotFound
from watchword.events.event import PRESENT, Event
from watchword.permissions.field import HasRole, HasScope, Public, SignedIn, condition
from watchword.permissions.guarded import guarded_by
from watchword.permissions.rules import Question

STREAM = "toys"

# A context variable that a middleware might set for one request.
whisper: ContextVar[str] = ContextVar("whisper", default="")
unset: ContextVar[str] = ContextVar("unset")


class Script(NamedTuple):
    """How `scripted` treats an event: the number of answers, the pause after each, and how it ends."""

    answers: int
    pauses: bool = False
    error: type[Exception] | None = None
    ends: bool = False


ONCE = Script(1)
SCRIPTS = {
    PRESENT: Script(3, pauses=True),
    "never": Script(0),
    "thrice": Script(3),
    "slowly": Script(3, pauses=True),
    "ends": Script(2, ends=True),
    "leaves": Script(0, ends=True),
    "fails": Script(2, error=NotFound),
    "crashes": Script(1, error=RuntimeError),
}


@condition("to wait")
async def patience(_question: Question) -> bool:
    """Let a turn of the event loop pass, so that an answer takes one."""
    await asyncio.sleep(0)
    return True


@guarded_by(Public)
@strawberry.type
class Toy:
    id: strawberry.ID
    name: str

    @strawberry.field(permission_classes=[HasScope("toys:price")])
    def price(self) -> int | None:
        return len(self.name)

    @strawberry.field
    async def lingers(self, info: Info) -> bool:
        """Wait a hundred seconds for a toy whose name begins with "slow"."""
        if self.name.startswith("slow"):
            await passed(info.context.services.clock, 100)
        return True

    @strawberry.field
    def inner(self) -> Toy:
        return self


async def load_owners(context: Context, keys: list[str]) -> list[str]:
    """Load the owner of each thing, which is always the caller."""
    return [context.principal.subject for _ in keys]


@guarded_by(Public)
@strawberry.type
class Mine:
    key: str
    whose: str
    ask: strawberry.Private[str]

    @strawberry.field
    async def owner(self, info: Info) -> str | None:
        match self.ask:
            case "nested":
                return info.context.principal.subject
            case "loader":
                return await info.context.loader(load_owners).load(self.key)
            case "elsewhere":
                raise TimeoutError("the other server does not answer")
            case "unset":
                return unset.get()
            case "cancelled" if self.key.startswith("secret"):
                await cancelled()
            case "swallow":
                try:
                    return info.context.principal.subject
                except Exception:
                    return "nobody"
        return self.whose


async def cancelled() -> None:
    """Await a future that was cancelled."""
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.cancel()
    await future


# The key that `looked` follows.
looked_up = ["a"]
# The timeouts that `careless` has made.
timeouts: list[asyncio.Timeout] = []


@condition("to be bob")
def is_bob(question: Question) -> bool:
    return question.principal.subject == "bob"


@strawberry.type
class Query:
    @strawberry.field(permission_classes=[Public])
    def hello(self, name: str = "world") -> str:
        return f"hello {name}"

    @strawberry.field(permission_classes=[Public])
    async def toy(self, id: strawberry.ID) -> Toy | None:
        if id == "none":
            raise NotFound("There is no such toy.")
        return Toy(id=id, name=f"toy {id}")

    @strawberry.field(permission_classes=[Public])
    def toys(self, first: int = 2) -> list[Toy]:
        return [Toy(id=strawberry.ID(str(number)), name="toy") for number in range(first)]

    @strawberry.field(permission_classes=[SignedIn])
    def me(self, info: Info) -> str | None:
        return info.context.principal.subject

    @strawberry.field(permission_classes=[HasScope("toys:count") & HasRole("keeper")])
    def count(self, below: int = 3) -> int | None:
        if below > 1000:
            raise BadUserInput("below must be at most 1000", ["below"])
        return below

    @strawberry.field(permission_classes=[Public])
    async def slow(self, info: Info, seconds: float) -> str:
        await passed(info.context.services.clock, seconds)
        return "at last"

    @strawberry.field(permission_classes=[Public])
    def broken(self) -> str | None:
        raise RuntimeError("the secret ingredient is love")


@strawberry.type
class Mutation(IdentityMutation):
    @strawberry.mutation(permission_classes=[SignedIn])
    async def make(self, info: Info, name: str) -> Toy | None:
        async with info.context.write() as unit:
            unit.publish(Event(STREAM, name, "made"))
        return Toy(id=strawberry.ID(name), name=name)


@strawberry.type
class Subscription:
    @strawberry.subscription(permission_classes=[Public])
    async def made(self, info: Info, only: str | None = None) -> AsyncIterator[Toy]:
        async for event in info.context.follow(STREAM, only):
            yield Toy(id=strawberry.ID(event.key), name=event.key)

    @strawberry.subscription(permission_classes=[Public])
    async def made_slowly(self, info: Info) -> AsyncIterator[Toy]:
        """Wait a hundred seconds before answering to a toy whose name begins with "slow"."""
        async for event in info.context.follow(STREAM):
            if event.key.startswith("slow"):
                await passed(info.context.services.clock, 100)
            yield Toy(id=strawberry.ID(event.key), name=event.key)

    @strawberry.subscription(permission_classes=[HasRole("keeper")])
    async def guarded(self, info: Info) -> AsyncIterator[Toy]:
        async for event in info.context.follow(STREAM):
            yield Toy(id=strawberry.ID(event.key), name=event.key)

    @strawberry.subscription(permission_classes=[Public])
    async def since(
        self, info: Info, only: str | None = None, present: bool = False, last: int | None = None
    ) -> AsyncIterator[str]:
        async for event in info.context.follow(STREAM, only, present=present, last=last):
            yield f"{event.kind} {event.key}"

    @strawberry.subscription(permission_classes=[Public])
    async def mine(self, info: Info, ask: str) -> AsyncIterator[Mine]:
        """Read the subject: `early`, `late`, only for `some` events, `nested` in fields, or in a `loader`."""
        if ask == "early":
            whose = info.context.principal.subject
        async for event in info.context.follow(STREAM):
            if ask == "late" or (ask == "some" and event.key.startswith("secret")):
                whose = info.context.principal.subject
            elif ask != "early":
                whose = ""
            yield Mine(key=event.key, whose=whose, ask=ask)

    @strawberry.subscription(permission_classes=[Public])
    async def brittle(self, info: Info) -> AsyncIterator[str]:
        async for event in info.context.follow(STREAM):
            if event.key == "broken":
                raise NotFound("It broke.")
            yield event.key

    @strawberry.subscription(permission_classes=[Public])
    async def scripted(self, info: Info, present: bool = False) -> AsyncIterator[str]:
        """Treat each event as its key says, which is the name of a script and a number."""
        async for event in info.context.follow(STREAM, present=present):
            script = SCRIPTS.get(event.key.rstrip("0123456789") or event.kind, ONCE)
            for number in range(script.answers):
                yield f"{event.key or 'now'}/{number}"
                if script.pauses:
                    await asyncio.sleep(0)
            if script.error is not None:
                raise script.error("It failed.")
            if script.ends:
                return

    @strawberry.subscription(permission_classes=[Public])
    async def whispered(self, info: Info) -> AsyncIterator[str]:
        async for event in info.context.follow(STREAM):
            yield f"{event.key} {whisper.get()}"

    @strawberry.subscription(permission_classes=[Public & patience])
    async def careless(self, info: Info, how: str) -> AsyncIterator[str]:
        """Treats cancellation badly: it `returns` or `answers` when it is cancelled. For a key that begins with
        "secret" it `waits` for something that was cancelled, `holds` a timeout open across its answer, or
        has a `timeout` of its own. It begins `late` in a group, or `lingers` at its end."""
        if how == "late" and not whisper.get():
            await passed(info.context.services.clock, 90)
        try:
            async for event in info.context.follow(STREAM):
                if not event.key.startswith("secret"):
                    yield event.key
                elif how == "waits":
                    await cancelled()
                elif how == "holds":
                    async with asyncio.timeout(0):
                        yield event.key
                elif how == "timeout":
                    async with asyncio.timeout(None) as timeout:
                        timeouts.append(timeout)
                        await asyncio.sleep(0)
                    yield event.key
                elif how == "lingers":
                    await passed(info.context.services.clock, 80)
                elif how == "hangs":
                    await passed(info.context.services.clock, 20)
                    yield event.key
        except asyncio.CancelledError:
            if how == "answers":
                yield "farewell"
            elif how != "returns":
                raise
        finally:
            if how == "lingers":
                await passed(info.context.services.clock, 90)

    @strawberry.subscription(permission_classes=[Public])
    async def looked(self, info: Info) -> AsyncIterator[str]:
        """Follow the key that is looked up when the subscription opens."""
        async for event in info.context.follow(STREAM, looked_up[0]):
            yield event.key

    @strawberry.subscription(permission_classes=[is_bob])
    async def conditional(self, info: Info) -> AsyncIterator[str]:
        async for event in info.context.follow(STREAM):
            yield event.key

    @strawberry.subscription(permission_classes=[Public])
    async def numbers(self, to: int) -> AsyncIterator[int]:
        for number in range(to):
            yield number

    @strawberry.subscription(permission_classes=[Public])
    async def failing(self) -> AsyncIterator[int]:
        yield 1
        raise RuntimeError("the secret ingredient is love")

    @strawberry.subscription(permission_classes=[Public])
    async def refusing(self) -> AsyncIterator[int]:
        yield 1
        raise NotFound("It went away.")


schema = strawberry.Schema(Query, Mutation, Subscription)
