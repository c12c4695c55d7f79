"""An issuer's keys are cached for as long as it allows, fetched rarely, and kept longer during an outage."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.clock import MovedClock
from tests.support.issuer import JWKS, OAUTH, OPENID, Answer, FakeIssuer, fake_issuer
from tests.support.tokens import key
from watchword.errors import Unavailable
from watchword.process.background import Background
from watchword.tokens.keys import Key
from watchword.trust import fetch
from watchword.trust.fetch import UNSAID
from watchword.trust.keys import COOL_DOWN, IssuerKeys


def keys_of(idp: FakeIssuer, clock: MovedClock, **entry: Any) -> IssuerKeys:
    return IssuerKeys(idp.entry(**entry), clock, Background(clock))


async def test_keys_are_fetched_once_for_as_long_as_they_are_good(
    idp: FakeIssuer, clock: MovedClock
) -> None:
    idp.headers["cache-control"] = "max-age=1000"
    known = keys_of(idp, clock)
    for _ in range(3):
        assert await known.find(idp.keys[0].kid) is not None
        clock.move(300)
    assert idp.count(JWKS) == 1
    clock.move(200)
    await known.find(idp.keys[0].kid)
    assert idp.count(JWKS) == 2
    assert idp.count(OPENID) == 2


async def test_a_key_that_is_new_is_found_at_once(idp: FakeIssuer, clock: MovedClock) -> None:
    known = keys_of(idp, clock)
    await known.find(idp.keys[0].kid)
    clock.move(COOL_DOWN)
    idp.keys.insert(0, key())
    assert await known.find(idp.keys[0].kid) is not None
    assert idp.count(OPENID) == 1


async def test_a_flood_of_unknown_ids_is_one_question_in_ten_seconds(
    idp: FakeIssuer, clock: MovedClock
) -> None:
    known = keys_of(idp, clock)
    await known.find(idp.keys[0].kid)
    for _ in range(3):
        clock.move(COOL_DOWN)
        before = idp.count(JWKS)
        found = await asyncio.gather(*(known.find(f"guess-{number}") for number in range(100)))
        assert found == [None] * 100
        assert idp.count(JWKS) == before + 1


async def test_those_who_wait_share_one_answer(idp: FakeIssuer, clock: MovedClock) -> None:
    known = keys_of(idp, clock)
    found = await asyncio.gather(*(known.find(idp.keys[0].kid) for _ in range(50)))
    assert None not in found
    assert idp.asked == [OPENID, JWKS]


async def test_one_who_goes_away_takes_the_answer_from_nobody(
    idp: FakeIssuer, clock: MovedClock
) -> None:
    known = keys_of(idp, clock)
    first = asyncio.create_task(known.find(idp.keys[0].kid))
    await asyncio.sleep(0)
    second = asyncio.create_task(known.find(idp.keys[0].kid))
    await asyncio.sleep(0)
    first.cancel()
    assert await second is not None


async def test_old_keys_serve_while_the_issuer_is_away(clock: MovedClock) -> None:
    with fake_issuer() as idp:
        known = keys_of(idp, clock, stale_seconds=3600)
        kid = idp.keys[0].kid
        await known.find(kid)
    clock.move(UNSAID + 3599)
    assert await known.find(kid) is not None
    clock.move(1)
    with pytest.raises(Unavailable):
        await known.find(kid)


async def test_an_issuer_that_is_away_is_asked_once_in_ten_seconds(
    idp: FakeIssuer, clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    known = keys_of(idp, clock)
    await known.find(idp.keys[0].kid)
    idp.say(JWKS, {}, 503)
    clock.move(UNSAID)
    for _ in range(20):
        assert await known.find(idp.keys[0].kid) is not None
        with pytest.raises(Unavailable):
            await known.find("unknown")
    assert idp.count(JWKS) == 2
    assert caplog.text.count("the keys of example could not be fetched: it answered 503") == 1


async def test_a_key_that_is_new_while_the_issuer_is_away_is_no_unknown_one(
    idp: FakeIssuer, clock: MovedClock
) -> None:
    known = keys_of(idp, clock)
    await known.find(idp.keys[0].kid)
    new = key()
    idp.keys.append(new)
    idp.say(JWKS, {}, 503)
    clock.move(COOL_DOWN)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await known.find(new.kid)
    del idp.answers[JWKS]
    clock.move(COOL_DOWN)
    assert await known.find(new.kid) is not None
    assert await known.find("unknown") is None


async def test_whatever_goes_wrong_is_an_issuer_that_is_away(
    idp: FakeIssuer,
    clock: MovedClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    known = keys_of(idp, clock)
    await known.find(idp.keys[0].kid)

    def without_socksio(url: str) -> None:
        raise ImportError("to use a SOCKS proxy, install socksio")

    monkeypatch.setattr(fetch, "_client", without_socksio)
    clock.move(UNSAID)
    assert await known.find(idp.keys[0].kid) is not None
    with pytest.raises(Unavailable):
        await known.find("unknown")
    assert "the keys of example could not be fetched" in caplog.text
    assert "install socksio" in caplog.text


async def test_a_clock_that_is_set_back_is_no_reason_to_ask_nobody(
    idp: FakeIssuer, clock: MovedClock
) -> None:
    known = keys_of(idp, clock)
    await known.find(idp.keys[0].kid)
    clock.move(-3600)
    idp.keys.append(key())
    assert await known.find(idp.keys[1].kid) is not None


def test_all_questions_together_take_no_longer_than_one(
    idp: FakeIssuer, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    idp.say(OPENID, {}, 404)
    idp.say(OAUTH, {"issuer": idp.url, "jwks_uri": f"{idp.url}{JWKS}"})
    answer, passed = idp._answer, 0.0

    def slowly(path: str) -> Answer:
        # By the event loop's clock: each response alone is in time.
        nonlocal passed
        passed += 0.7 * fetch.LONGEST
        return answer(path)

    monkeypatch.setattr(idp, "_answer", slowly)
    # In a loop of asyncio's own, because uvloop does not ask for the time here.
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        time = loop.time
        monkeypatch.setattr(loop, "time", lambda: time() + passed)
        with pytest.raises(Unavailable):
            runner.run(keys_of(idp, clock).find(idp.keys[0].kid))
    assert idp.asked == [OPENID, OAUTH]


async def test_without_any_keys_nothing_can_be_said(idp: FakeIssuer, clock: MovedClock) -> None:
    idp.say(OPENID, {}, 500)
    known = keys_of(idp, clock)
    for _ in range(3):
        with pytest.raises(Unavailable):
            await known.find("any")
    assert idp.asked == [OPENID]
    del idp.answers[OPENID]
    clock.move(COOL_DOWN)
    assert await known.find(idp.keys[0].kid) is not None


async def test_an_issuer_whose_keys_moved_is_asked_where_they_are(
    idp: FakeIssuer, clock: MovedClock
) -> None:
    metadata = {"issuer": idp.url, "jwks_uri": f"{idp.url}{JWKS}"}
    idp.say(OPENID, metadata, cache_control="max-age=86400")
    known = keys_of(idp, clock)
    await known.find(idp.keys[0].kid)
    idp.say(JWKS, {}, 404)
    idp.say("/new", {"keys": [idp.keys[0].jwk()]})
    idp.say(OPENID, metadata | {"jwks_uri": f"{idp.url}/new"})
    clock.move(UNSAID)
    await known.find(idp.keys[0].kid)
    assert idp.count(OPENID) == 1
    clock.move(COOL_DOWN)
    await known.find(idp.keys[0].kid)
    assert (idp.count(OPENID), idp.count("/new")) == (2, 1)


async def test_a_key_that_is_gone_is_gone_when_its_time_is_over(
    idp: FakeIssuer, clock: MovedClock
) -> None:
    known = keys_of(idp, clock)
    old = idp.keys[0].kid
    await known.find(old)
    version = known.version
    idp.keys = [key()]
    clock.move(UNSAID)
    assert await known.find(old) is None
    assert known.version > version


def small_rsa() -> Key:
    return Key("small", "RS256", rsa.generate_private_key(public_exponent=65537, key_size=1024))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda jwk: jwk | {"use": "enc"},
        lambda jwk: jwk | {"key_ops": ["encrypt"]},
        lambda jwk: jwk | {"d": "AAAA"},
        lambda jwk: jwk | {"alg": "ES384"},
        lambda jwk: jwk | {"alg": "HS256"},
        lambda jwk: {name: value for name, value in jwk.items() if name != "kid"},
        lambda jwk: {"kty": "oct", "k": "c2VjcmV0", "kid": jwk["kid"], "alg": "HS256"},
        lambda jwk: small_rsa().jwk() | {"kid": jwk["kid"]},
        lambda jwk: jwk | {"x": jwk["y"]},
    ],
)
async def test_a_key_that_must_not_be_used_is_left_out_and_the_others_serve(
    idp: FakeIssuer, clock: MovedClock, caplog: pytest.LogCaptureFixture, spoil: Any
) -> None:
    good = key()
    bad = spoil(idp.keys[0].jwk())
    idp.say(JWKS, {"keys": [bad, good.jwk(), "no key"]})
    known = keys_of(idp, clock)
    caplog.set_level("INFO")
    assert await known.find(good.kid) is not None
    assert await known.find(idp.keys[0].kid) is None
    assert "a key of example is left out" in caplog.text
    assert "AAAA" not in caplog.text


@pytest.mark.parametrize("document", [{}, {"keys": None}, {"keys": {}}, {"keys": "x"}])
async def test_what_is_no_key_set_changes_nothing(
    idp: FakeIssuer, clock: MovedClock, document: Any
) -> None:
    known = keys_of(idp, clock)
    await known.find(idp.keys[0].kid)
    idp.say(JWKS, document)
    clock.move(UNSAID)
    assert await known.find(idp.keys[0].kid) is not None


async def test_two_keys_of_one_id_are_both_found(idp: FakeIssuer, clock: MovedClock) -> None:
    twin = key().jwk() | {"kid": idp.keys[0].kid}
    idp.say(JWKS, {"keys": [idp.keys[0].jwk(), twin]})
    found = await keys_of(idp, clock).find(idp.keys[0].kid)
    assert found is not None
    assert len(found) == 2


async def test_a_set_of_a_thousand_keys_serves_and_says_what_is_left_out_once_for_each_reason(
    idp: FakeIssuer, clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    jwk = idp.keys[0].jwk()
    many = [jwk | {"kid": str(number)} for number in range(500)]
    odd = [{"kty": "AKP", "kid": f"odd-{number}"} for number in range(499)]
    idp.say(JWKS, {"keys": [*many, *odd, {"kty": "EC", "crv": "secp256k1", "kid": "k1"}]})
    known = keys_of(idp, clock)
    caplog.set_level("INFO")
    assert await known.find("499") is not None
    assert caplog.text.count("is left out") == 2
    assert "its kind is not one that is accepted (499)" in caplog.text


async def test_an_algorithm_that_the_settings_do_not_name_is_left_out(
    idp: FakeIssuer, clock: MovedClock
) -> None:
    known = keys_of(idp, clock, algorithms=["RS256"])
    assert await known.find(idp.keys[0].kid) is None
