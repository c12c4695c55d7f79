"""Refusals of a schema, of its domain, and of where it is."""

from __future__ import annotations

import math
import sys
from typing import Any

import strawberry
from fastapi import FastAPI
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from strawberry import federation
from strawberry.extensions import SchemaExtension
from strawberry.permission import PermissionExtension
from strawberry.schema.config import StrawberryConfig

from tests.refusals.ground import Case, Greeting, Ground, greeting
from watchword import Domain, HasRole, Public, SignedIn, cost, guarded_by, list_size
from watchword.domain import Mount, load
from watchword.mounting.asgi_app import Watchword
from watchword.transports.http import form


def batches(ground: Ground) -> None:
    for unclear in ({}, {"max_operations": 0}, {"max_operations": True}):
        config = StrawberryConfig(batching_config=unclear)  # type: ignore[arg-type]
        with ground.refused("must say how many operations a batch may have: .*max_operations"):
            ground.serve(schema=greeting(config=config))
    config = StrawberryConfig(batching_config={"max_operations": 10})
    app = ground.serve(schema=greeting(config=config))
    assert app.pipeline.engine.plan("{ hello }", None)


def overrides(ground: Ground) -> None:
    seen: list[str] = []

    class Mine(strawberry.Schema):
        async def execute(self, *given: Any, **named: Any) -> Any:
            seen.append("executed")
            return await super().execute(*given, **named)

    with ground.refused("Mine overrides execute.* belongs into a SchemaExtension"):
        ground.serve(schema=Mine(Greeting))

    class Noting(SchemaExtension):
        def on_operation(self) -> Any:
            seen.append("executed")
            yield

    app = ground.serve(schema=greeting(extensions=[Noting]))
    assert app.pipeline.engine.extensions is not None


def routes(ground: Ground) -> None:
    def at(path: str) -> Domain:
        return Domain(routes=[Route(path, lambda _: PlainTextResponse("mine"))])

    for path in ("/graphql", "/health/mine", "/.well-known/mine"):
        with ground.refused(f"Domain.routes has the path '{path}', .* Choose another"):
            ground.serve(at(path))
    # Routes outside of the schema need no start.
    app = ground.serve(at("/mine"))
    assert any(getattr(each, "path", None) == "/mine" for each in app.router.routes)


def misnamed_hook(ground: Ground) -> None:
    with ground.refused("Domain has no 'rotues'. Did you mean 'routes'?"):
        Domain(rotues=[])  # type: ignore[call-arg]
    ground.serve(Domain(routes=[]))


def no_schema(ground: Ground) -> None:
    with ground.refused("not an object of .*Give the schema itself"):
        Mount("schema", Domain())  # type: ignore[arg-type]
    Mount(greeting(), Domain())


SCHEMA = "import strawberry\nfrom watchword import *\nfrom tests.refusals.ground import greeting\n"


def unnamed(ground: Ground) -> None:
    name = ground.module("refused_names", f"{SCHEMA}api = greeting()\n")
    with ground.refused("named as module:attribute, for example incident_room:schema"):
        load(name)
    with ground.refused(f"Name one of its schemas: {name}:api"):
        load(f"{name}:schema")
    load(f"{name}:api")


def other_domain(ground: Ground) -> None:
    text = f"{SCHEMA}schema = greeting()\ndomain = 'example.org'\n"
    with ground.refused("is not a watchword.Domain. Make it one, or rename it"):
        load(ground.module("refused_domain", text) + ":schema")
    for mended in (text.replace("'example.org'", "Domain()"), text.replace("domain =", "host =")):
        load(ground.module("refused_domain", mended) + ":schema")


def domain_of_another_name(ground: Ground) -> None:
    text = f"{SCHEMA}schema = greeting()\nmine = Domain()\n"
    with ground.refused("in the variable 'mine', which is not used. Name it `domain`"):
        load(ground.module("refused_name", text) + ":schema")
    load(ground.module("refused_name", text.replace("mine =", "domain =")) + ":schema")


def missing_module(ground: Ground) -> None:
    folder = ground.folder / "elsewhere"
    folder.mkdir()
    ground.patch.delitem(sys.modules, "refused_module", raising=False)
    (folder / "refused_module.py").write_text(f"{SCHEMA}schema = greeting()\n")
    with ground.refused("no module 'refused_module' .* name the folder in PYTHONPATH"):
        load("refused_module:schema")
    ground.patch.syspath_prepend(str(folder))
    load("refused_module:schema")


def hooks(ground: Ground) -> None:
    async def startup() -> None: ...

    with ground.refused("Domain.startup is an async function, not 'now'"):
        ground.serve(Domain(startup="now"))  # type: ignore[arg-type]
    ground.serve(Domain(startup=startup))
    ground.serve(Domain(context=lambda _: None))


def accounts(ground: Ground) -> None:
    class Accounts:
        async def authenticate(self, *_: Any) -> None: ...

    with ground.refused("Domain.accounts has no method find"):
        ground.serve(Domain(accounts=Accounts()))  # type: ignore[arg-type]
    ground.serve(Domain(accounts=type("All", (Accounts,), {"find": Accounts.authenticate})()))


def roles(ground: Ground) -> None:
    known = {"clerk": frozenset({"orders:read"})}
    with ground.refused(r"Domain.gives names the role 'boss'.* Add it there"):
        ground.serve(Domain(roles=known, gives={"boss": frozenset({"clerk"})}))
    ground.serve(Domain(roles={**known, "boss": frozenset()}, gives={"boss": frozenset({"clerk"})}))
    with ground.refused(r"Domain.roles\['clerk'\] is a set of scopes, not 'orders:read'"):
        ground.serve(Domain(roles={"clerk": "orders:read"}))  # type: ignore[dict-item]
    ground.serve(Domain(roles={"clerk": {"orders:read"}}))


@strawberry.type
class Box:
    name: str
    price: int = strawberry.field(permission_classes=[SignedIn])


@strawberry.type
class Query(Greeting):
    """The name that the fields of federation are found under."""


@strawberry.type
class Open:
    @strawberry.field
    def box(self) -> Box:
        return Box(name="a", price=1)


@strawberry.type
class Closed:
    @strawberry.field(permission_classes=[SignedIn])
    def box(self) -> str:
        return "a"


def permissions(ground: Ground) -> None:
    with ground.refused(r"Domain.default_permissions is a list .* for example \[SignedIn\]"):
        ground.serve(Domain(default_permissions="SignedIn"), strawberry.Schema(Open))  # type: ignore[arg-type]
    ground.serve(Domain(default_permissions=[SignedIn]), strawberry.Schema(Open))
    with ground.refused(r"\['Open.box'\] is empty. Write \[Public\] if everybody may"):
        ground.serve(Domain(permissions={"Open.box": []}), strawberry.Schema(Open))
    named = {"Open.box": [Public], "Box": [Public]}
    ground.serve(Domain(permissions=named), strawberry.Schema(Open))


def declared(ground: Ground) -> None:
    with ground.refused("Closed.box declares a permission. Take it out of Domain.permissions"):
        ground.serve(Domain(permissions={"Closed.box": [Public]}), strawberry.Schema(Closed))
    ground.serve(Domain(), strawberry.Schema(Closed))
    named = {"Open.box": [Public], "Box": [Public], "Box.price": [Public]}
    with ground.refused("Box.price declares a permission. Take it out of Domain.permissions"):
        ground.serve(Domain(permissions=named), strawberry.Schema(Open))
    del named["Box.price"]
    ground.serve(Domain(permissions=named), strawberry.Schema(Open))


def unknown_name(ground: Ground) -> None:
    for name in ("Open.bax", "Shelf"):
        with ground.refused(f"Domain.permissions names '{name}'. It may name root fields"):
            named = {"Open.box": [Public], "Box": [Public], name: [Public]}
            ground.serve(Domain(permissions=named), strawberry.Schema(Open))


def undeclared(ground: Ground) -> None:
    with ground.refused(r"^Open.box: no permission is declared"):
        ground.serve(schema=strawberry.Schema(Open))
    with ground.refused(r'"Box.name": \[SignedIn\],\n\}\nWATCHWORD_COVERAGE=roots'):
        ground.serve(Domain(permissions={"Open.box": [SignedIn]}), strawberry.Schema(Open))
    # Each piece of the advice.
    named = {"Open.box": [SignedIn], "Box.name": [SignedIn]}
    ground.serve(Domain(permissions=named), strawberry.Schema(Open))
    ground.serve(Domain(default_permissions=[SignedIn]), strawberry.Schema(Open))
    root = {"Open.box": [SignedIn]}
    ground.serve(Domain(permissions=root), strawberry.Schema(Open), coverage="roots")


def replaced(ground: Ground) -> None:
    def made(kind: type, name: str) -> strawberry.Schema:
        schema = strawberry.Schema(kind)
        schema._schema.type_map[kind.__name__].fields[name].resolve = lambda *_: "x"  # type: ignore[attr-defined]
        return schema

    with ground.refused("Open.box: .* Declare permission_classes=.* on the field"):
        ground.serve(Domain(default_permissions=[SignedIn]), made(Open, "box"))
    ground.serve(Domain(default_permissions=[SignedIn]), made(Closed, "box"))


def mounted_twice(ground: Ground) -> None:
    schema = strawberry.Schema(Open)
    ground.serve(Domain(default_permissions=[SignedIn]), schema)
    with ground.refused("mounted already with .* Make a strawberry.Schema for each"):
        ground.serve(Domain(default_permissions=[Public]), schema)
    ground.serve(Domain(default_permissions=[Public]), strawberry.Schema(Open))


def routed_at_the_root(ground: Ground) -> None:
    settings = ground.serve().pipeline.settings
    watchword = Watchword(greeting(), settings, clock=ground.clock)
    for path in ("", "/"):
        with ground.refused(r'has a path.* To answer at the root.* app.mount\("/", watchword\)'):
            watchword.router(path)
    app = FastAPI(lifespan=watchword.lifespan)
    app.mount("/", watchword)
    assert watchword.router("/inner").routes


def guards(ground: Ground) -> None:
    with ground.refused(r"for example @guarded_by\(SignedIn\)"):
        guarded_by()
    with ground.refused(r"for example @guarded_by\(SignedIn\)"):
        guarded_by("SignedIn")  # type: ignore[arg-type]
    guarded_by(SignedIn)(strawberry.type(type("Kept", (), {"__annotations__": {"a": str}})))


def silent(ground: Ground) -> None:
    def made(**options: Any) -> strawberry.Schema:
        @strawberry.type
        class Subscription:
            @strawberry.subscription(
                extensions=[PermissionExtension([HasRole("keeper")()], **options)]
            )
            async def ticks(self) -> int | None:
                yield 1

        return strawberry.Schema(Greeting, subscription=Subscription)

    with ground.refused("cannot fail silently. Remove fail_silently=True"):
        ground.serve(schema=made(fail_silently=True))
    ground.serve(schema=made())


def references(ground: Ground) -> None:
    def made(name: str) -> strawberry.Schema:
        def of_number(cls: Any, number: strawberry.ID) -> Any:
            return cls(id=number)

        def of_id(cls: Any, id: strawberry.ID) -> Any:
            return cls(id=id)

        @federation.type(keys=["id"])
        class Shelf:
            id: strawberry.ID
            resolve_reference = classmethod(of_id if name == "id" else of_number)

        return federation.Schema(Query, types=[Shelf])

    covered = Domain(permissions=dict.fromkeys(["Shelf", "Query._service"], [Public]))
    with ground.refused(
        "Shelf.resolve_reference needs number, .* Name its parameters as the fields"
    ):
        ground.serve(covered, made("number"))
    ground.serve(covered, made("id"))


def keyed(ground: Ground) -> None:
    @federation.type(keys=["id"])
    class Crate:
        id: strawberry.ID

    needed = {"Crate": [SignedIn], "Query._service": [SignedIn]}
    with ground.refused(
        r'permissions=\{\n    "Query._service": \[SignedIn\],\n    "Crate": \[SignedIn\],\n\}'
    ):
        ground.serve(schema=federation.Schema(Query, types=[Crate]))
    ground.serve(Domain(permissions=needed), federation.Schema(Query, types=[Crate]))


def interfaces(ground: Ground) -> None:
    @federation.interface(keys=["id"])
    class Work:
        id: strawberry.ID

    @federation.type(keys=["id"])
    class Book(Work):
        pass

    def served(name: str) -> None:
        schema = federation.Schema(Query, types=[Work, Book])
        ground.serve(Domain(permissions={"Query._service": [Public], name: [Public]}), schema)

    with ground.refused("names the interface Work. Name its types: Book"):
        served("Work")
    served("Book")


def uploads(ground: Ground) -> None:
    ground.patch.setattr(form, "IS_INSTALLED", False)
    with ground.refused(r"install watchword\[uploads\], or set WATCHWORD_UPLOADS=false"):
        ground.serve(schema=with_upload())
    ground.serve(schema=with_upload(), uploads=False)
    ground.patch.undo()
    ground.serve(schema=with_upload())


def costs(ground: Ground) -> None:
    with ground.refused("the weight must be a number"):
        cost(math.nan)
    with ground.refused("needs an assumed_size, or slicing_arguments"):
        list_size()
    with ground.refused("a size is 0 or more"):
        list_size(assumed_size=-1)
    with ground.refused("Write the argument as clients do"):
        ground.serve(schema=sized(list_size(slicing_arguments=["page_size"])))
    with ground.refused("which is no field of Shelf"):
        ground.serve(schema=sized(list_size(assumed_size=9, sized_fields=["edges"])))
    with ground.refused("Name the list that has the size"):
        ground.serve(schema=sized(list_size(assumed_size=9, sized_fields=["name"])))
    ground.serve(schema=sized(list_size(slicing_arguments=["pageSize"], sized_fields=["books"])))
    with ground.refused("is for a type. A weight below 0 is for an argument"):
        ground.serve(schema=given(cost(-1)))
    with ground.refused("is for a union or an interface"):
        ground.serve(schema=strawberry.Schema(Lending))
    ground.serve(schema=given(cost(1)))


@guarded_by(Public)
@strawberry.type
class Shelf:
    name: str
    books: list[str]


def sized(directive: object) -> strawberry.Schema:
    @strawberry.type(name="Query")
    class Sized:
        @strawberry.field(permission_classes=[Public], directives=[directive, cost(2)])
        def shelf(self, page_size: int) -> Shelf:
            return Shelf(name="a", books=["a"] * page_size)

    return strawberry.Schema(Sized)


def given(directive: object) -> strawberry.Schema:
    @strawberry.field(permission_classes=[Public])
    def gift() -> str:
        return "a"

    kind = type("Query", (), {"gift": gift})
    return strawberry.Schema(strawberry.type(kind, directives=[directive]))


@guarded_by(Public)
@strawberry.interface(directives=[cost(1)])
class Loan:
    days: int


@strawberry.type(name="Query")
class Lending:
    loan: Loan | None = strawberry.field(permission_classes=[Public], default=None)


def with_upload() -> strawberry.Schema:
    from tests.support import upload_schema

    return upload_schema.schema


CASES: list[Case] = [
    *(batches, overrides, routes, misnamed_hook, no_schema, unnamed, other_domain),
    *(domain_of_another_name, missing_module, hooks, accounts, roles, permissions, declared),
    *(unknown_name, undeclared, replaced, mounted_twice, guards, silent, references, keyed),
    *(interfaces, routed_at_the_root),
    *(uploads, costs),
]
