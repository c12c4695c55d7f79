"""The products' subgraph that Apollo's compatibility suite demands of a library, with guarded parts besides.

The suite says what the types, keys and data are (apollographql/apollo-federation-subgraph-compatibility). `notes`,
`Warehouse` and `restocked` are ours.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import strawberry
from strawberry import federation
from strawberry.federation.schema_directives import Key
from strawberry.schema_directive import Location

from watchword import Domain, Event, HasScope, IdentityMutation, Info, Public, SignedIn

STREAM = "stock"
SUPPORT = "support@apollographql.com"


@federation.schema_directive(
    locations=[Location.OBJECT],
    name="custom",
    compose=True,
    import_url="https://myspecs.dev/myCustomDirective/v1.0",
)
class Custom:
    """A directive of our own that goes into the supergraph."""


@federation.type(extend=True, keys=["email"])
class User:
    email: strawberry.ID = federation.field(external=True)
    name: str | None = federation.field(override="users", default="Jane Smith")
    total_products_created: int | None = federation.field(external=True, default=1337)
    years_of_employment: int = federation.field(external=True, default=10)

    @federation.field(requires=["totalProductsCreated yearsOfEmployment"])
    def average_products_created_per_year(self) -> int | None:
        if self.total_products_created is None:
            return None
        return round(self.total_products_created / self.years_of_employment)


@federation.type(shareable=True)
class ProductDimension:
    size: str | None = "small"
    weight: float | None = 1
    unit: str | None = federation.field(inaccessible=True, default="kg")


@strawberry.type
class ProductVariation:
    id: strawberry.ID


@strawberry.type
class CaseStudy:
    case_number: strawberry.ID
    description: str | None


@federation.type(keys=["study { caseNumber }"])
class ProductResearch:
    study: CaseStudy
    outcome: str | None = None

    @classmethod
    async def resolve_reference(cls, study: dict[str, str]) -> ProductResearch | None:
        found = STUDIES.get(study["caseNumber"])
        return found and cls(study=found)


STUDIES = {
    "1234": CaseStudy(case_number=strawberry.ID("1234"), description="Federation Study"),
    "1235": CaseStudy(case_number=strawberry.ID("1235"), description="Studio Study"),
}


@federation.type(keys=["sku package"])
class DeprecatedProduct:
    sku: str
    package: str
    reason: str | None = "Migrate to Federation V2"

    @strawberry.field
    def created_by(self) -> User | None:
        return User(email=strawberry.ID(SUPPORT))

    @classmethod
    def resolve_reference(cls, sku: str, package: str) -> DeprecatedProduct | None:
        known = (sku, package) == ("apollo-federation-v1", "@apollo/federation-v1")
        return cls(sku=sku, package=package) if known else None


@federation.type(
    keys=["id", "sku package", "sku variation { id }"],
    directives=[Custom()],
)
class Product:
    id: strawberry.ID
    sku: str | None
    package: str | None
    variation: ProductVariation | None
    research: list[ProductResearch]

    @strawberry.field
    def dimensions(self) -> ProductDimension | None:
        return ProductDimension()

    @federation.field(provides=["totalProductsCreated"])
    def created_by(self) -> User | None:
        return User(email=strawberry.ID(SUPPORT))

    @federation.field(tags=["internal"], permission_classes=[SignedIn])
    def notes(self, info: Info) -> str | None:
        return f"for {info.context.principal.subject}"

    @classmethod
    def resolve_reference(cls, **key: Any) -> Product | None:
        return next((each for each in PRODUCTS if has(each, key)), None)


def has(product: Product, key: dict[str, Any]) -> bool:
    """Tell whether a product has all values of a key."""
    return all(
        product.variation is not None and product.variation.id == value["id"]
        if name == "variation"
        else getattr(product, name) == value
        for name, value in key.items()
    )


def product(id: str, sku: str, package: str, variation: str, case: str) -> Product:
    return Product(
        id=strawberry.ID(id),
        sku=sku,
        package=package,
        variation=ProductVariation(id=strawberry.ID(variation)),
        research=[ProductResearch(study=STUDIES[case])],
    )


PRODUCTS = [
    product("apollo-federation", "federation", "@apollo/federation", "OSS", "1234"),
    product("apollo-studio", "studio", "", "platform", "1235"),
]


@federation.interface_object(keys=["id"])
class Inventory:
    id: strawberry.ID

    @strawberry.field
    def deprecated_products(self) -> list[DeprecatedProduct]:
        return [DeprecatedProduct(sku="apollo-federation-v1", package="@apollo/federation-v1")]


@federation.type(keys=["id"])
class Warehouse:
    """Only those may ask for it who may see the stock."""

    id: strawberry.ID

    @strawberry.field
    def stock(self, info: Info) -> int | None:
        return len(info.context.principal.subject)


@federation.type(keys=[Key(fields="id", resolvable=False)])
class Supplier:
    """Another subgraph knows it: no reference to it comes here."""

    id: strawberry.ID


@federation.type(extend=True)
class Query:
    @strawberry.field(permission_classes=[Public])
    def product(self, id: strawberry.ID) -> Product | None:
        return Product.resolve_reference(id=id)

    @strawberry.field(deprecation_reason="Use product query instead", permission_classes=[Public])
    def deprecated_product(self, sku: str, package: str) -> DeprecatedProduct | None:
        return DeprecatedProduct.resolve_reference(sku=sku, package=package)

    @strawberry.field(permission_classes=[Public])
    def supplier(self) -> Supplier | None:
        return Supplier(id=strawberry.ID("1"))


@strawberry.type
class Mutation(IdentityMutation):
    @strawberry.mutation(permission_classes=[SignedIn])
    async def restock(self, info: Info, id: strawberry.ID) -> Product | None:
        async with info.context.write() as unit:
            unit.publish(Event(STREAM, id, "RESTOCKED"))
        return Product.resolve_reference(id=id)


@strawberry.type
class Subscription:
    @strawberry.subscription(permission_classes=[SignedIn])
    async def restocked(self, info: Info) -> AsyncIterator[Product | None]:
        async for event in info.context.follow(STREAM):
            yield Product.resolve_reference(id=event.key)


def made() -> federation.Schema:
    """Make the schema. A server adds permissions to the one that it mounts."""
    # Composition by The Guild's library knows versions up to 2.9.
    return federation.Schema(
        Query, Mutation, Subscription, types=[Inventory, Warehouse], federation_version="2.9"
    )


schema = made()
domain = Domain(
    roles={"admin": frozenset({"stock:read"})},
    permissions={"Query._service": [Public], "Warehouse": [HasScope("stock:read")]},
    default_permissions=[Public],
)
