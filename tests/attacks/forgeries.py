"""All known forgeries of a token, by name, each with the rule that the log must name."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from tests.support.forge import ORDER, Forge, now, signature
from tests.support.tokens import key
from watchword.tokens.keys import Key, encode

Forgery = Callable[[Forge], str]

RSA, EDWARDS = key("RS256"), key("EdDSA")
OTHER_CURVE = Key("other", "ES384", ec.generate_private_key(ec.SECP384R1()))
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def _parts(change: Callable[[str, str, str], str]) -> Forgery:
    return lambda forge: change(*forge.raw())


def _header(**changes: Any) -> Forgery:
    return lambda forge: forge.sign(None, **changes)


def _claims(**changes: Any) -> Forgery:
    return lambda forge: forge.sign(forge.claims(**changes))


def _member(name: str, value: Callable[[Forge], Any]) -> Forgery:
    """Sign with the forger's own key, and point to it in a member of the header."""
    return lambda forge: forge.sign(None, by=forge.own, kid=forge.own.kid, **{name: value(forge)})


def _kid(kid: Any) -> Forgery:
    return lambda forge: forge.sign(None, by=forge.own, kid=kid)


def _signature(made: bytes) -> Forgery:
    return lambda forge: forge.with_signature(made)


def _pair(r: int, s: int) -> bytes:
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def _payload(data: bytes | Callable[[Forge], bytes]) -> Forgery:
    return lambda forge: forge.sign(data if isinstance(data, bytes) else data(forge))


def _loosened(part: str) -> str:
    """Return another text that decodes to the same bytes: the last character has unused bits."""
    at = ALPHABET.index(part[-1])
    return part[:-1] + ALPHABET[at + 1]


def _der(forge: Forge) -> str:
    text = ".".join(forge.raw()[:2])
    private: Any = forge.real.private
    return f"{text}.{encode(private.sign(text.encode(), ec.ECDSA(SHA256())))}"


def _beyond_the_order(forge: Forge) -> str:
    """Add the order to r and s, which gives the same numbers to a verifier that does not check their range (related to CVE-2022-21449)."""
    private: Any = forge.real.private
    text = ".".join(forge.raw()[:2])
    r, s = decode_dss_signature(private.sign(text.encode(), ec.ECDSA(SHA256())))
    size = (max(r, s) + ORDER).bit_length() // 8 + 1
    made = (r + ORDER).to_bytes(size, "big") + (s + ORDER).to_bytes(size, "big")
    return f"{text}.{encode(made)}"


def _of_another(forge: Forge) -> str:
    """Combine the payload of one valid token with the signature of another."""
    header, _, made = forge.raw()
    return f"{header}.{encode(orjson.dumps(forge.claims(sub='somebody')))}.{made}"


def _twice(name: str, value: object) -> Forgery:
    """Sign a payload with a duplicate member, which two parsers may read differently."""

    def forged(forge: Forge) -> str:
        text = orjson.dumps(forge.good)
        return forge.sign(b"{%b:%b,%b" % (orjson.dumps(name), orjson.dumps(value), text[1:]))

    return forged


def _header_twice(forge: Forge) -> str:
    text = orjson.dumps(forge.header())
    return forge.sign(header=b'{"alg":"none",' + text[1:])


ALGORITHMS: dict[str, tuple[Forgery, str]] = {
    f"alg {name!r}, {what}": (
        lambda forge, name=name, made=made: forge.with_signature(made, alg=name),  # type: ignore[misc]
        "three base64url parts" if not made else "alg",
    )
    for name in ("none", "None", "NONE", "nOnE", "none ", "", 0, False, [], {}, ["ES256"], "HS0")
    for what, made in (("no signature", b""), ("some signature", b"x"))
} | {
    "alg missing": (_header(alg=None), "alg"),
    "alg null": (lambda forge: forge.sign(header=b'{"typ":"at+jwt","alg":null,"kid":"%b"}' % forge.real.kid.encode()), "alg"),
    "alg in small letters": (_header(alg="es256"), "alg"),
    "ES256 called RS256": (_header(alg="RS256"), "alg"),
    "ES256 called PS256": (_header(alg="PS256"), "alg"),
    "ES256 called ES384": (_header(alg="ES384"), "alg"),
    "ES256 called ES256K": (_header(alg="ES256K"), "alg"),
    "ES256 called EdDSA": (_header(alg="EdDSA"), "alg"),
    "RS256 by another key under our kid": (lambda forge: forge.sign(None, by=RSA, alg="RS256"), "alg"),
    "RS256 called ES256": (lambda forge: forge.sign(None, by=RSA), "signature"),
    "EdDSA called ES256": (lambda forge: forge.sign(None, by=EDWARDS), "signature"),
    "another curve called ES256": (lambda forge: forge.sign(None, by=OTHER_CURVE), "signature"),
    "another curve under our kid": (lambda forge: forge.sign(None, by=OTHER_CURVE, alg="ES384"), "alg"),
}  # fmt: skip

SECRETS = ("PEM", "PEM without its last line break", "DER", "point", "JWK", "JWKS", "kid", "nothing", "digest")  # fmt: skip
CONFUSIONS: dict[str, tuple[Forgery, str]] = {
    f"{name} as secret of {algorithm}, called {called}": (
        lambda forge, name=name, algorithm=algorithm, called=called: forge.hmac(  # type: ignore[misc]
            forge.secrets[name], algorithm, called
        ),
        "alg" if called == algorithm else "signature",
    )
    for name in SECRETS
    for algorithm in ("HS256", "HS384", "HS512")
    for called in (algorithm, "ES256")
}

KEYS: dict[str, tuple[Forgery, str]] = {
    "jwk": (_member("jwk", lambda forge: forge.own.jwk()), "header jwk"),
    "jku": (_member("jku", lambda forge: forge.bait), "header jku"),
    "x5u": (_member("x5u", lambda forge: forge.bait), "header x5u"),
    "x5c": (_member("x5c", lambda _: [encode(b"a certificate")]), "header x5c"),
    "jku beside our kid": (lambda forge: forge.sign(None, jku=forge.bait), "header jku"),
    "jwk beside our kid": (lambda forge: forge.sign(None, by=forge.own, jwk=forge.own.jwk()), "header jwk"),
    "iss that has keys": (lambda forge: forge.sign(forge.claims(iss=forge.bait), by=forge.own, kid=forge.own.kid), "kid"),
    "kid of the forger": (lambda forge: forge.sign(None, by=forge.own, kid=forge.own.kid), "kid"),
    "kid that is a URL": (lambda forge: forge.sign(None, by=forge.own, kid=forge.bait), "kid"),
    "our kid": (lambda forge: forge.sign(None, by=forge.own), "signature"),
    "our kid in small letters": (lambda forge: forge.sign(None, kid=forge.real.kid.swapcase()), "kid"),
    "our kid and a space": (lambda forge: forge.sign(None, kid=f"{forge.real.kid} "), "kid"),
    "our kid and NUL": (lambda forge: forge.sign(None, kid=f"{forge.real.kid}\0"), "kid"),
    "our kid in a list": (lambda forge: forge.sign(None, kid=[forge.real.kid]), "kid"),
    "no kid": (_header(kid=None), "kid"),
} | {
    f"kid {kid!r:.40}": (_kid(kid), "kid")
    for kid in (
        "", "../../../../dev/null", "/proc/sys/kernel/randomize_va_space", "' OR '1'='1", "x' UNION SELECT 'x",
        "|whoami", "%00", "\0", "x" * 4_000, "\N{SNOWMAN}", 0, -1, 1.5, True, [], {}, {"$ne": None},
    )
}  # fmt: skip

EXTENSIONS: dict[str, tuple[Forgery, str]] = {
    "crit exp": (_header(crit=["exp"]), "header crit"),
    "crit empty": (_header(crit=[]), "header crit"),
    "crit unknown": (_header(crit=["x"], x=1), "header crit"),
    "crit that is no list": (_header(crit="b64"), "header crit"),
    "b64": (_header(b64=False, crit=["b64"]), "header crit"),
    "b64 without crit": (_header(b64=False), "header b64"),
    "zip": (_header(zip="DEF"), "header zip"),
    "enc": (_header(alg="dir", enc="A256GCM"), "header enc"),
    "JWE": (_parts(lambda head, body, made: f"{head}.{body}.{made}.{body}.{made}"), "three base64url parts"),
    "nested": (lambda forge: forge.sign(forge.sign().encode(), cty="JWT"), "header cty"),
    "nested without cty": (_payload(lambda forge: forge.sign().encode()), "JSON"),
    "nested in a claim": (lambda forge: forge.sign({"token": forge.sign()}), "iss"),
    "a token that is the header": (lambda forge: forge.sign(header=forge.sign().encode()), "JSON"),
}  # fmt: skip

SHAPES: dict[str, tuple[Forgery, str]] = {
    "two parts": (_parts(lambda head, body, _: f"{head}.{body}"), "three base64url parts"),
    "two parts and a dot": (_parts(lambda head, body, _: f"{head}.{body}."), "three base64url parts"),
    "one part": (_parts(lambda head, *_: head), "three base64url parts"),
    "no payload": (_parts(lambda head, _, made: f"{head}..{made}"), "three base64url parts"),
    "no header": (_parts(lambda _, body, made: f".{body}.{made}"), "three base64url parts"),
    "four parts": (_parts(lambda *parts: ".".join((*parts, "x"))), "three base64url parts"),
    "dots": (lambda _: "..", "three base64url parts"),
    "padded": (_parts(lambda head, body, made: f"{head}.{body}.{made}=="), "three base64url parts"),
    "the other alphabet": (lambda forge: forge.with_signature(b"\xff" * 64).replace("_", "/"), "three base64url parts"),
    "header cut off": (_parts(lambda head, body, made: f"{head[:-1]}.{body}.{made}"), ""),
    "payload cut off": (_parts(lambda head, body, made: f"{head}.{body[:-1]}.{made}"), ""),
    "signature cut off": (_parts(lambda head, body, made: f"{head}.{body}.{made[:-1]}"), ""),
    "signature with one letter more": (_parts(lambda head, body, made: f"{head}.{body}.{made}A"), ""),
    "signature in another spelling": (_parts(lambda head, body, made: f"{head}.{body}.{_loosened(made)}"), "canonical base64url"),
    "one bit of the payload": (_of_another, "signature"),
    "too long by one": (lambda forge: forge.sign().ljust(8_193, "A"), "size"),
    "too long and good": (lambda forge: forge.sign(forge.claims(more="x" * 8_000)), "size"),
    "deep payload": (_payload(b'{"a":' * 1_200 + b"1" + b"}" * 1_200), ""),
    "deep header": (lambda forge: forge.sign(header=b'{"a":' * 1_000 + b"1" + b"}" * 1_000), ""),
    "deep list": (_payload(b'{"a":' + b"[" * 2_500 + b"]" * 2_500 + b"}"), "JSON"),
    "payload that is a list": (_payload(b"[]"), "JSON object"),
    "payload that is null": (_payload(b"null"), "JSON object"),
    "payload that is empty": (_payload(b" "), "JSON"),
    "payload with a byte order mark": (_payload(lambda forge: b"\xef\xbb\xbf" + orjson.dumps(forge.good)), "JSON"),
    "payload in UTF-16": (_payload(lambda forge: orjson.dumps(forge.good).decode().encode("utf-16")), "JSON"),
    "payload that is no UTF-8": (_payload(b'{"sub":"\xff"}'), "JSON"),
    "payload with something behind": (_payload(lambda forge: orjson.dumps(forge.good) + b"{}"), "JSON"),
    "header twice": (_header_twice, "JSON"),
    "sub twice": (_twice("sub", "admin"), "JSON"),
    "exp twice": (_twice("exp", 9_999_999_999), "JSON"),
    "the same twice": (lambda forge: _twice("sub", forge.good["sub"])(forge), "JSON"),
} | {
    f"a claim of ours that nobody reads: {text:.20}": (
        _payload(lambda forge, text=text: b'{"more":%b,%b' % (text.encode(), orjson.dumps(forge.good)[1:])),  # type: ignore[misc]
        "JSON",
    )
    for text in ("NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1" * 21, "1" * 5_000, "01", "0x1", "'x'", "1,")
}  # fmt: skip

SIGNATURES: dict[str, tuple[Forgery, str]] = {
    f"signature: {name}": (_signature(made), "signature")
    for name, made in {
        "64 zeros": bytes(64),
        "one zero": bytes(1),
        "r zero": _pair(0, 1),
        "s zero": _pair(1, 0),
        "ones": _pair(1, 1),
        "the order": _pair(ORDER, ORDER),
        "beyond the order": _pair(ORDER + 1, ORDER + 1),
        "all bits": b"\xff" * 64,
        "63 bytes": b"\x01" * 63,
        "65 bytes": b"\x01" * 65,
        "128 bytes": b"\x01" * 128,
        "4,000 bytes": b"\x01" * 4_000,
    }.items()
} | {
    "signature: DER": (_der, "signature"),
    "signature: r and s with the order added": (_beyond_the_order, "signature"),
    "signature: its own payload": (_parts(lambda head, body, _: f"{head}.{body}.{body}"), ""),
    "signature: of another text": (lambda forge: forge.with_signature(signature("x", forge.real)), "signature"),
}  # fmt: skip

KINDS: dict[str, tuple[Forgery, str]] = {
    f"typ {typ!r}": (_header(typ=typ), "typ")
    for typ in (
        "JWT", "jwt", "dpop+jwt", "logout+jwt", "secevent+jwt", "oauth-authz-req+jwt", "id_token",
        "at+jwtx", "at+jwt ", "application/application/at+jwt", "text/at+jwt", "", 0, True, [], {}, ["at+jwt"],
    )
} | {
    "typ missing": (_header(typ=None), "typ"),
    "ID token": (lambda forge: forge.sign(forge.claims(nonce="n", at_hash="h", scope=None), typ="JWT"), "typ"),
    "client assertion": (lambda forge: forge.sign(forge.claims(iss="service", sub="service"), typ="JWT"), "typ"),
    "proof": (lambda forge: forge.sign({"htm": "POST", "htu": forge.bait, "jti": "1", "iat": now()}, typ="dpop+jwt"), "typ"),
    "standard base64": (lambda forge: urlsafe_b64encode(orjson.dumps(forge.good)).decode().rstrip("="), "three base64url parts"),
    "client assertion that calls itself a token": (_claims(iss="service", sub="service"), "iss"),
}  # fmt: skip

CLAIMS: dict[str, tuple[Forgery, str]] = {
    "another issuer": (_claims(iss="https://evil.example"), "iss"),
    "our issuer with a slash": (lambda forge: forge.sign(forge.claims(iss=forge.good["iss"] + "/")), "iss"),
    "our issuer in capitals": (lambda forge: forge.sign(forge.claims(iss=forge.good["iss"].upper())), "iss"),
    "our issuer in a list": (lambda forge: forge.sign(forge.claims(iss=[forge.good["iss"]])), "iss"),
    "another audience": (_claims(aud="other"), "aud"),
    "our audience in capitals": (_claims(aud="WATCHWORD"), "aud"),
    "our audience as a name": (_claims(aud={"watchword": True}), "aud"),
    "our audience beside a number": (_claims(aud=["watchword", 1]), "aud"),
    "not good yet": (lambda forge: forge.sign(forge.claims(nbf=now() + 300)), "nbf"),
    "issued in the future": (lambda forge: forge.sign(forge.claims(iat=now() + 300)), "iat"),
    "authenticated in the future": (lambda forge: forge.sign(forge.claims(auth_time=now() + 300)), "auth_time"),
    "bound by a certificate": (_claims(cnf={"x5t#S256": "x"}), "cnf"),
    "bound twice": (_claims(cnf={"jkt": "x", "x5t#S256": "x"}), "cnf"),
    "bound to nothing": (_claims(cnf={}), "cnf"),
    "bound to no text": (_claims(cnf={"jkt": 7}), "cnf"),
    "half a version": (_claims(ver=1.5), "ver"),
}  # fmt: skip

EXPIRED: dict[str, tuple[Forgery, str]] = {
    "expired": (lambda forge: forge.sign(forge.claims(exp=now() - 1)), "exp"),
    "expired long ago": (_claims(exp=1, iat=0, nbf=0, auth_time=0), "exp"),
    "expired just now": (lambda forge: forge.sign(forge.claims(exp=now())), "exp"),
}

FORGERIES = {
    **ALGORITHMS, **CONFUSIONS, **KEYS, **EXTENSIONS, **SHAPES, **SIGNATURES, **KINDS, **CLAIMS, **EXPIRED,
}  # fmt: skip

# Values that no claim may have; `FITS` lists the exceptions, which are valid for some claims.
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 7, 1.5, -1, 1e300, "", " ", "x", "\0", "a\nb", "\u202e", "x" * 301, [], [None], [7], [[]], {}, {"x": 1},
)  # fmt: skip
_SMALL = (0, 7, 1.5)
_TEXT = (" ", "x")
FITS: dict[str, tuple[Any, ...]] = {
    "iss": (), "aud": (), "exp": (),
    "iat": _SMALL, "nbf": _SMALL, "auth_time": _SMALL, "ver": (0, 7), "client_ver": (0, 7),
    "sub": _TEXT, "jti": _TEXT, "client_id": _TEXT, "sid": _TEXT, "tenant": _TEXT,
    "scope": ("", " ", "x", "x" * 301), "roles": ([],), "cnf": (),
}  # fmt: skip


def misfits(name: str) -> list[Any]:
    """Return the values that a claim of this name must not have."""
    fitting = FITS[name]
    return [
        value
        for value in VALUES
        if not any(type(value) is type(fit) and value == fit for fit in fitting)
    ]
