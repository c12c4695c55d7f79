"""Pydantic models as types, inputs and errors: the first integration, and `strawberry.pydantic` after it."""

from __future__ import annotations

import enum
from typing import Annotated, Any, Generic, TypeVar

import pydantic
import strawberry
from strawberry.experimental import pydantic as wrapped
from strawberry.pydantic import PydanticValidationErrorHandler, ValidationError

from tests.differential.as_written.page import Page
from tests.support.strawberry_view import Operation

T = TypeVar("T")


class Grade(enum.Enum):
    RAW = "raw"
    ROASTED = "roasted"


class Origin(pydantic.BaseModel):
    country: str
    altitude: int | None = None


class Bean(pydantic.BaseModel):
    name: Annotated[str, pydantic.Field(min_length=2)]
    grams: Annotated[int, pydantic.Field(gt=0)] = 250
    grade: Grade = Grade.RAW
    origins: list[Origin] = []
    secret: str = "hidden"


strawberry.enum(Grade)


@wrapped.type(model=Origin, all_fields=True)
class OriginType:
    @strawberry.field
    def label(self) -> str:
        return f"{self.country} at {self.altitude} m"  # type: ignore[attr-defined]


@wrapped.type(model=Bean)
class BeanType:
    name: strawberry.auto
    grams: strawberry.auto
    grade: strawberry.auto
    origins: strawberry.auto
    price: float = 0.0


@wrapped.input(model=Origin, all_fields=True)
class OriginInput:
    pass


@wrapped.input(model=Bean)
class BeanInput:
    name: strawberry.auto
    grams: strawberry.auto
    grade: strawberry.auto
    origins: list[OriginInput] = strawberry.field(default_factory=list)


@wrapped.error_type(model=Bean)
class BeanError:
    name: strawberry.auto
    grams: strawberry.auto


@strawberry.pydantic.type
class Cup(pydantic.BaseModel):
    size: int
    label: str = pydantic.Field(alias="printedName", default="plain")

    @pydantic.computed_field  # type: ignore[prop-decorator]
    @property
    def is_large(self) -> bool:
        return self.size > 300

    @strawberry.pydantic.field
    def halves(self, info: strawberry.Info) -> list[int]:
        return [self.size // 2] * 2


@strawberry.pydantic.type
class Shelf(pydantic.BaseModel, Generic[T]):
    items: list[T]


@strawberry.pydantic.input
class CupInput(pydantic.BaseModel):
    size: Annotated[int, pydantic.Field(ge=1, le=1000)]
    label: strawberry.Maybe[str | None]


def _bean(**values: Any) -> BeanType:
    return BeanType.from_pydantic(Bean(**values), extra={"price": 2.5})  # type: ignore[no-any-return,attr-defined]


@strawberry.type
class Query:
    @strawberry.field
    def bean(self) -> BeanType:
        return _bean(name="Sidamo", origins=[Origin(country="Ethiopia", altitude=1900)])

    @strawberry.field
    def cups(self) -> Shelf[Cup]:
        return Shelf[Cup](items=[Cup(size=200), Cup(size=400, printedName="mug")])

    @strawberry.field
    def cup(self, cup: CupInput) -> Cup | ValidationError:
        label = "absent" if cup.label is None else str(cup.label.value)
        return Cup(size=cup.size, printedName=label)

    @strawberry.field
    def bare_cup(self, cup: CupInput) -> Cup | None:
        return Cup(size=cup.size)


@strawberry.type
class Mutation:
    @strawberry.mutation
    def roast(self, bean: BeanInput) -> BeanType | BeanError:
        try:
            made = bean.to_pydantic()  # type: ignore[attr-defined]
        except pydantic.ValidationError as error:
            said: dict[str, list[str]] = {}
            for each in error.errors():
                said.setdefault(str(each["loc"][0]), []).append(each["msg"])
            return BeanError(**said)
        return BeanType.from_pydantic(made, extra={"price": 1.0})  # type: ignore[no-any-return,attr-defined]


schema = strawberry.Schema(
    Query, Mutation, exception_handlers=[PydanticValidationErrorHandler()], types=[BeanError]
)

_ROAST = """mutation ($bean: BeanInput!) { roast(bean: $bean) { __typename
  ... on BeanType { name grams grade price origins { country altitude label } }
  ... on BeanError { names: name many: grams } } }"""
_CUP = """query ($cup: CupInput!) { cup(cup: $cup) { __typename
  ... on Cup { size label isLarge halves }
  ... on ValidationError { errors { location message type } } } }"""

PAGE = Page(
    "pydantic",
    schema,
    (
        Operation("{ bean { name grams grade price origins { country altitude label } } }"),
        Operation("{ cups { __typename items { size label isLarge halves } } }"),
        Operation(_ROAST, {"bean": {"name": "Yirga", "grade": "ROASTED"}}),
        Operation(
            _ROAST,
            {"bean": {"name": "Huila", "grams": 5, "origins": [{"country": "Colombia"}]}},
        ),
        Operation(_ROAST, {"bean": {"name": "x", "grams": -1}}),
        Operation(_CUP, {"cup": {"size": 310}}),
        Operation(_CUP, {"cup": {"size": 310, "label": None}}),
        Operation(_CUP, {"cup": {"size": 310, "label": "ours"}}),
        Operation(_CUP, {"cup": {"size": 0}}),
        Operation(_CUP, {"cup": {"size": "many"}}),
        Operation("query ($cup: CupInput!) { bareCup(cup: $cup) { size } }", {"cup": {"size": 0}}),
        Operation("{ bareCup(cup: {size: 5000}) { size } }"),
    ),
)
