"""The directives `@cost` and `@listSize`, which a schema declares on its fields, arguments and types.

Source: GraphQL Cost Directives (https://ibm.github.io/graphql-specs/cost-spec.html).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import strawberry
from strawberry.schema_directive import Location

from watchword.errors import Unsafe


@strawberry.schema_directive(
    name="cost",
    description="What each appearance of this adds to the cost of an operation.",
    locations=[
        Location.ARGUMENT_DEFINITION,
        Location.ENUM,
        Location.FIELD_DEFINITION,
        Location.INPUT_FIELD_DEFINITION,
        Location.OBJECT,
        Location.SCALAR,
    ],
)
class Cost:
    weight: str


@strawberry.schema_directive(
    name="listSize",
    description="How many items a field returns.",
    locations=[Location.FIELD_DEFINITION],
)
class ListSize:
    assumed_size: int | None = strawberry.UNSET
    slicing_arguments: list[str] | None = strawberry.UNSET
    sized_fields: list[str] | None = strawberry.UNSET
    require_one_slicing_argument: bool = True


def cost(weight: float) -> Cost:
    """Make `@cost(weight: …)`, for `directives=[cost(5)]` of a field, an argument, an input field or a type.

    A field's weight is added for each object that it is read of, an argument's when it is given, an input field's for
    each value of it, and a type's for each object or value. A weight below 0, of an argument that makes the resolver's
    work less, takes from the other weights of its field, which together never cost less than 0; a schema with one on a
    type does not start. On a field of an interface, it is for the types that inherit the field. Raises `Unsafe` unless
    the weight is a finite number.
    """
    if not math.isfinite(weight):
        raise Unsafe(f"cost({weight!r}): the weight must be a number.")
    return Cost(weight=f"{weight:g}" if weight != int(weight) else str(int(weight)))


def list_size(
    *,
    assumed_size: int | None = None,
    slicing_arguments: Sequence[str] = (),
    sized_fields: Sequence[str] = (),
    require_one_slicing_argument: bool | None = None,
) -> ListSize:
    """Make `@listSize(…)`, for `directives=[list_size(assumed_size=50)]` of a field.

    `slicing_arguments` are the arguments that set the number of items, as clients write them; `input.first` is the
    member of an input object. `assumed_size` is the number without them. `sized_fields` are the fields of the returned
    object whose lists have this size, such as the `edges` of a connection. With `require_one_slicing_argument`, an
    operation that gives none of the arguments, or several, is refused: so it is without an assumed size, unless it says
    otherwise. Raises `Unsafe` for a size below 0, and for arguments that say nothing.
    """
    if assumed_size is None and not slicing_arguments:
        raise Unsafe("list_size() needs an assumed_size, or slicing_arguments.")
    if assumed_size is not None and assumed_size < 0:
        raise Unsafe(f"list_size(assumed_size={assumed_size}): a size is 0 or more.")
    if require_one_slicing_argument is None:
        require_one_slicing_argument = assumed_size is None
    return ListSize(
        assumed_size=strawberry.UNSET if assumed_size is None else assumed_size,
        slicing_arguments=list(slicing_arguments) or strawberry.UNSET,
        sized_fields=list(sized_fields) or strawberry.UNSET,
        require_one_slicing_argument=require_one_slicing_argument and bool(slicing_arguments),
    )
