"""Documents that extensions give, parse or check: what is planned once, and what holds for each of them."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import FieldNode, GraphQLError, ValidationRule, parse
from strawberry.extensions import (
    AddValidationRules,
    MaxTokensLimiter,
    ParserCache,
    QueryDepthLimiter,
)

from tests.support.asking import Asking, hook
from watchword.context import Context, Services
from watchword.execution import plan, validation
from watchword.execution.masking import format_error
from watchword.execution.plan import Draft, Refused
from watchword.principal import ANONYMOUS


async def test_a_hook_may_give_the_document_and_is_held_to_the_limits(services: Services) -> None:
    texts = ["{ a: twice }", "{ colour }", "{" + " ".join(f"a{n}: twice" for n in range(11)) + "}"]
    documents = [parse(text) for text in texts]
    asked = iter(documents)
    ask = Asking(
        services, hook("on_parse", lambda seen: setattr(seen, "graphql_document", next(asked)))
    )
    assert await ask("{ twice }") == {"data": {"a": 2}}
    for message in ("Cannot query field 'colour'", "aliases"):
        with pytest.raises(Refused, match=message):
            await ask("{ twice }")


async def test_a_document_of_an_extension_is_planned_once(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = parse("{ a: twice }")
    ask = Asking(
        services, hook("on_parse", lambda seen: setattr(seen, "graphql_document", document))
    )
    await ask("{ twice }")
    monkeypatch.setattr(validation, "validate", None)
    for _ in range(3):
        assert await ask("{ twice }") == {"data": {"a": 2}}


@pytest.mark.parametrize(
    "extension", [ParserCache, lambda: MaxTokensLimiter(100), lambda: QueryDepthLimiter(5)]
)
async def test_what_depends_on_the_document_only_is_done_once(
    extension: Any, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = Asking(services, extension)
    assert await ask("{ twice }") == {"data": {"twice": 2}}
    monkeypatch.setattr(validation, "validate", None)
    monkeypatch.setattr(plan, "parse", None)
    assert await ask("{ twice }") == {"data": {"twice": 2}}


async def test_a_rule_that_may_look_at_the_request_is_asked_each_time(services: Services) -> None:
    asked = []

    class Rule(ValidationRule):
        def enter_field(self, node: FieldNode, *_: Any) -> None:
            asked.append(node.name.value)
            if len(asked) > 2:
                self.report_error(GraphQLError("Too many requests.", node))

    ask = Asking(services, lambda: AddValidationRules([Rule]))
    for _ in range(2):
        assert await ask("{ twice }") == {"data": {"twice": 2}}
    with pytest.raises(Refused, match="Too many requests"):
        await ask("{ twice }")


async def test_a_query_stays_a_query(services: Services) -> None:
    for other in ("mutation { save }", "subscription { numbers }"):
        change = hook("on_operation", lambda seen, other=other: setattr(seen, "query", other))
        with pytest.raises(Refused, match="An extension made a"):
            await Asking(services, change)("{ twice }")


async def test_a_document_that_cannot_be_run_may_be_replaced(services: Services) -> None:
    """As extensions do that look documents up by an id."""
    store = {"7": "{ twice }", "8": "mutation { save }", "9": "subscription { numbers }"}
    look_up = hook("on_operation", lambda seen: setattr(seen, "query", store[seen.query]))
    ask = Asking(services, look_up)
    assert await ask("7") == {"data": {"twice": 2}}
    assert await ask("8") == {"data": {"save": True}}
    with pytest.raises(Refused, match="made a subscription"):
        await ask("9")
    draft = ask.engine.plan("8", None)
    assert isinstance(draft, Draft)
    draft.is_safe_only = True  # it came with GET
    with pytest.raises(Refused, match="made a mutation"):
        await ask.engine.execute(draft, None, Context(services, ANONYMOUS))


async def test_a_document_above_the_limits_reaches_no_extension_that_parses(
    services: Services,
) -> None:
    parsed: list[str] = []
    ask = Asking(services, hook("on_parse", lambda seen: parsed.append(seen.query)))
    for query in ("{ " + "twice " * 1100 + "}", "{ twice }" + " " * 20_000, "#\n" * 1100 + "{"):
        with pytest.raises(Refused):
            await ask(query)
    assert parsed == []
    await ask("{ twice }")
    assert parsed == ["{ twice }"]


async def test_what_graphql_core_refuses_keeps_its_code(services: Services) -> None:
    ask = Asking(services, hook("on_execute", lambda _: None))
    for query, variables in (
        ("query($n: Int!) { twice(number: $n) }", {"n": "x"}),
        ("{ no }", None),
    ):
        with pytest.raises(Refused) as refused:
            await ask(query, variables)
        for error in refused.value.errors:
            assert format_error(error)["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_document_that_an_extension_parses_itself_is_the_one_that_is_kept(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    parse_again = hook(
        "on_parse", lambda seen: setattr(seen, "graphql_document", parse(seen.query))
    )
    ask = Asking(services, parse_again)
    await ask("{ twice }")
    monkeypatch.setattr(validation, "validate", None)
    for _ in range(3):
        assert await ask("{ twice }") == {"data": {"twice": 2}}
    assert ask.engine.plan("{ twice }", None).program is not None
