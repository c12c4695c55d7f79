"""Claims of trusted issuers are translated as the settings say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.config.trusted_issuer import TrustedIssuer
from watchword.errors import InvalidToken
from watchword.trust.mapping import find, fingerprint, person_of, translate

ROLES = {"admin": frozenset({"toys:all", "toys:count"}), "keeper": frozenset({"toys:count"})}
CLAIMS = {"iss": "https://idp.example", "aud": "us", "sub": "s", "iat": 1, "exp": 2}


def issuer(**changes: Any) -> TrustedIssuer:
    return TrustedIssuer.model_validate(
        {"name": "idp", "issuer": "https://idp.example", "audience": "us"} | changes
    )


def translated(claims: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return translate(CLAIMS | claims, issuer(**changes), ROLES)


def rule(claims: dict[str, Any], **changes: Any) -> str:
    with pytest.raises(InvalidToken) as refused:
        translated(claims, **changes)
    return refused.value.rule


@pytest.mark.parametrize(
    ("path", "claims", "value"),
    [
        ("roles", {"roles": ["a"]}, ["a"]),
        ("realm_access.roles", {"realm_access": {"roles": ["a"]}}, ["a"]),
        ("resource_access.my-client.roles", {"resource_access": {"my-client": {"roles": 1}}}, 1),
        ("resource_access.my.client.roles", {"resource_access": {"my.client": {"roles": 1}}}, 1),
        ("https://example.com/roles", {"https://example.com/roles": ["a"]}, ["a"]),
        ("https://example.com/app.roles", {"https://example.com/app": {"roles": 3}}, 3),
        ("cognito:groups", {"cognito:groups": ["a"]}, ["a"]),
        ("a.b", {"a.b": "whole", "a": {"b": "parts"}}, "whole"),
    ],
)  # fmt: skip
def test_a_claim_is_found_by_its_path_or_its_whole_name(
    path: str, claims: dict[str, Any], value: Any
) -> None:
    assert find(claims, path) == value


@pytest.mark.parametrize("claims", [{}, {"a": 1}, {"a": []}, {"a": {"c": 1}}, {"a": None}])
def test_a_path_that_leads_nowhere_finds_nothing(claims: dict[str, Any]) -> None:
    assert find(claims, "a.b") is find({}, "a.b")


def test_roles_of_the_same_name_count_when_nothing_is_mapped() -> None:
    said = translated({"roles": ["admin", "keeper", "stranger"]}, roles="roles")
    assert said["roles"] == ["admin", "keeper"]
    assert said["scope"] == "toys:all toys:count"


def test_with_a_map_no_other_role_counts_not_even_one_of_ours() -> None:
    said = translated({"roles": ["admin", "Staff"]}, roles="roles", role_map={"Staff": "keeper"})
    assert said["roles"] == ["keeper"]


def test_roles_come_from_lists_and_from_texts_and_from_several_claims() -> None:
    claims = {"group": "keeper", "realm": {"roles": ["admin"]}}
    assert translated(claims, roles=["group", "realm.roles"])["roles"] == ["admin", "keeper"]


def test_a_text_is_one_role_as_a_whole() -> None:
    assert translated({"title": "not an admin"}, roles="title")["roles"] == []
    assert translated({"title": "admin keeper"}, roles="title")["roles"] == []
    mapped = {"roles": "title", "role_map": {"Team lead": "keeper", "lead": "admin"}}
    assert translated({"title": "Team lead"}, **mapped)["roles"] == ["keeper"]


def test_who_has_no_roles_has_no_scopes() -> None:
    said = translated({"roles": ["stranger"], "scope": "toys:all"}, roles="roles", scopes="scope")
    assert (said["roles"], said["scope"]) == ([], "")


def test_default_roles_are_everybodys() -> None:
    assert translated({}, default_roles=["keeper"])["roles"] == ["keeper"]


def test_scopes_of_the_token_bound_those_of_the_roles() -> None:
    claims = {"roles": ["admin"], "scope": "openid toys:count toys:paint"}
    assert translated(claims, roles="roles", scopes="scope")["scope"] == "toys:count"
    mapped = {"scopes": "scp", "scope_map": {"Toys.Count": "toys:count"}}
    claims = {"roles": ["admin"], "scp": "Toys.Count toys:all"}
    assert translated(claims, roles="roles", **mapped)["scope"] == "toys:count"
    assert translated({"roles": ["admin"]}, roles="roles", scopes="scope")["scope"] == ""


def test_names_of_clients_and_tokens_are_the_issuers_own() -> None:
    said = translated({"client_id": "watchword", "jti": "1", "sid": "ours"})
    assert (said["client_id"], said["jti"]) == ("idp|watchword", "idp|1")
    assert "sid" not in said
    said = translated({"azp": "front", "uti": "2"})
    assert (said["client_id"], said["jti"]) == ("idp|front", "idp|2")
    assert translated({"appid": "old"})["client_id"] == "idp|old"
    assert translated({})["client_id"] == "idp|"


def test_what_only_we_may_say_is_not_taken_over() -> None:
    said = translated({"ver": 99, "client_ver": 9, "tenant": "theirs"})
    assert not {"ver", "client_ver", "tenant"} & said.keys()


def test_a_tenant_comes_from_its_path() -> None:
    assert translated({"org": {"id": "t1"}}, tenant="org.id")["tenant"] == "t1"


@pytest.mark.parametrize("name", ["nonce", "at_hash", "c_hash", "s_hash", "events"])
def test_what_was_made_for_a_client_to_read_is_refused(name: str) -> None:
    assert rule({name: "x"}) == name
    assert rule({name: None}) == name


@pytest.mark.parametrize(
    ("wanted", "value", "is_held"),
    [
        ("Bearer", "Bearer", True), ("Bearer", "ID", False), ("a", "a b", True), ("a", ["b", "a"], True),
        ("a", ["b"], False), ("a", {"a": 1}, False), (None, "anything", True), (None, None, True),
        (True, True, True), (True, 1, False), (1, True, False), (1, 1, True), (True, "true", False),
        ("1", 1, False),
    ],
)  # fmt: skip
def test_a_required_claim_is_or_holds_its_value(wanted: Any, value: Any, is_held: bool) -> None:
    required = {"required_claims": {"kind": wanted}}
    if is_held:
        translated({"kind": value}, **required)
    else:
        assert rule({"kind": value}, **required) == "kind"
    assert rule({}, **required) == "kind"


@pytest.mark.parametrize(
    "sub", [None, 1, "", " ", "a\x00b", "\ud800", "x" * 256, ["s"], {"s": 1}, True]
)
def test_a_subject_that_is_no_name_is_refused(sub: Any) -> None:
    assert rule({"sub": sub}) == "sub"


@pytest.mark.parametrize("value", [1, None, True, {"a": 1}, [1], ["a", None]])
def test_mistyped_roles_and_scopes_are_refused(value: Any) -> None:
    assert rule({"roles": value}, roles="roles") == "roles"
    assert rule({"scope": value}, scopes="scope") == "scope"


@pytest.mark.parametrize("value", [1, None, "", "a\nb", "x" * 200, ["a"]])
def test_a_client_that_is_no_name_is_refused(value: Any) -> None:
    assert rule({"client_id": value}) == "client_id"


def test_an_address_that_nobody_verified_is_not_taken() -> None:
    claims = {**CLAIMS, "email": "ann@example.com", "name": "Ann"}
    assert person_of(claims, issuer()).email is None
    assert person_of(claims | {"email_verified": "true"}, issuer()).email is None
    assert person_of(claims | {"email_verified": True}, issuer()).email == "ann@example.com"
    assert person_of(claims, issuer(unverified_email=True)).email == "ann@example.com"
    mistyped = claims | {"email": 1, "name": ["Ann"]}
    person = person_of(mistyped, issuer(unverified_email=True))
    assert (person.email, person.name) == (None, None)


def test_a_person_without_an_account_has_a_name_that_no_account_has() -> None:
    assert fingerprint("https://a", "b") != fingerprint("https://a/", "b")
    assert len(fingerprint("https://a", "b" * 255)) == 28


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
names = st.sampled_from(
    ["sub", "roles", "scope", "client_id", "azp", "jti", "uti", "tenant", "aud", "kind", "nonce"]
)


@given(st.dictionaries(names, json, max_size=5))
def test_arbitrary_claims_are_translated_or_refused(claims: dict[str, Any]) -> None:
    told = issuer(roles="roles", scopes="scope", tenant="tenant", required_claims={"kind": None})
    try:
        said = translate(CLAIMS | claims, told, ROLES)
    except InvalidToken:
        return
    assert set(said["roles"]) <= ROLES.keys()
    assert set(said["scope"].split()) <= {"toys:all", "toys:count"}


def test_claims_that_the_settings_name_are_kept_and_no_others() -> None:
    theirs = CLAIMS | {"org": {"unit": "law"}, "level": 3, "secret": "x"}
    kept = {"unit": "org.unit", "level": "level", "missing": "nothing"}
    said = translate(theirs, issuer(claims=kept), ROLES)
    assert (said["unit"], said["level"]) == ("law", 3)
    assert not said.keys() & {"org", "secret", "missing"}
    assert translate(theirs, issuer(claims=["level"]), ROLES)["level"] == 3
    assert "level" not in translate(theirs, issuer(), ROLES)


def test_methods_and_the_class_of_an_authentication_are_kept() -> None:
    said = translated({"amr": ["pwd", "mfa"], "acr": "gold"})
    assert (said["amr"], said["acr"]) == (["mfa", "pwd"], "gold")
    assert translated({"methods": "pwd otp"}, amr="methods")["amr"] == ["otp", "pwd"]
    assert not {"amr", "acr"} & translated({"amr": []}).keys()
    known = {"fido": ["hwk", "user", "mfa"], "guess": []}
    mapped = translated({"amr": ["fido", "pwd", "guess"]}, amr_map=known)["amr"]
    assert mapped == ["hwk", "mfa", "pwd", "user"]
    # A name in the map stands for nothing else, also if it is one of RFC 8176.
    assert "amr" not in translated({"amr": ["mfa"]}, amr_map={"mfa": []})


def test_an_issuer_that_is_not_believed_says_no_methods() -> None:
    said = translated({"amr": ["mfa"], "acr": "phr"}, amr=None, acr=None)
    assert not {"amr", "acr"} & said.keys()
