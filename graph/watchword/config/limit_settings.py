"""Settings of what operations may ask for, and cost. `Settings` in settings.py inherits them, reads them and checks them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings

BUDGETS = ("budget_per_principal", "budget_per_client", "budget_per_address")


class LimitSettings(BaseSettings):
    """Costs are those that docs/how-to/limits.md describes."""

    max_document_characters: int = Field(
        50_000, ge=1024, description="Most characters in a GraphQL document, comments included."
    )
    max_tokens: int = Field(2_000, ge=50, description="Most lexical tokens in a GraphQL document.")
    max_depth: int = Field(15, ge=1, description="Deepest nesting of fields in a GraphQL document.")
    max_aliases: int = Field(50, ge=0, description="Most aliases in a GraphQL document.")
    max_directives: int = Field(50, ge=0, description="Most directives in a GraphQL document.")
    max_root_fields: int = Field(
        30, ge=1, description="Most fields of Query, Mutation or Subscription in one operation."
    )
    max_cost: int = Field(
        20_000,
        ge=1,
        description="Most that one operation may cost. Each object costs 1 and each value nothing, unless the schema"
        " says otherwise with cost(); the sizes of nested lists are multiplied.",
    )
    limits: Literal["enforce", "measure"] = Field(
        "enforce",
        description="Whether limits of operations and budgets refuse what is beyond them (enforce), or are only counted"
        " and logged, while you look what your clients ask for (measure). What is ten times a limit is refused in both.",
    )
    budget_per_principal: int = Field(
        0,
        ge=0,
        description="Most that the operations of one principal may cost in a minute, events of its subscriptions"
        " included, over all transports and processes. With 0, they may cost any amount.",
    )
    budget_per_client: int = Field(
        0,
        ge=0,
        description="The same for one OAuth client, whoever uses it. Our own front end is not counted.",
    )
    budget_per_address: int = Field(
        0, ge=0, description="The same for the callers without a token from one address."
    )

    @model_validator(mode="after")
    def _budgets_hold_an_operation(self) -> LimitSettings:
        for name in BUDGETS:
            if 0 < getattr(self, name) < self.max_cost:
                raise ValueError(
                    f"WATCHWORD_{name.upper()} must not be smaller than WATCHWORD_MAX_COST, or some operations could"
                    " never be run; 0 sets no budget"
                )
        return self
