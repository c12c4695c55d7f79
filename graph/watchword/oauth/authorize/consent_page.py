"""The consent page, on which a person signs in and decides what an application may do.

The page contains its style and its script, and its content security policy allows no others. The script
is the same in every page; only escaped text in the document differs.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from html import escape
from pathlib import Path
from urllib.parse import urlsplit

from starlette.responses import HTMLResponse

from watchword.oauth.authorize.authorization import AuthorizationRequest

FOLDER = Path(__file__).parent

DOCUMENT = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<main data-dpop="{dpop}" data-anew="{anew}">
<p class="brand">Watchword</p>
{body}
</main>
</body>
</html>
"""

PROBLEM = """\
<h1>This link does not work</h1>
<p role="alert">{problem}</p>
<p>Go back to the application that you came from, and tell those who make it.</p>"""

QUESTION = """\
<noscript><p role="alert">This page needs JavaScript.</p></noscript>
<section id="progress" role="status"><p>One moment …</p></section>

<form id="sign-in" hidden>
<h1>Sign in</h1>
<p>Then decide what <strong>{name}</strong> may do for you.</p>
<p role="alert" hidden></p>
<label>E-mail <input name="email" inputmode="email" autocapitalize="off" spellcheck="false" autocomplete="username webauthn" required></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<label id="second" hidden>One-time code, or a recovery code
<input name="code" autocomplete="one-time-code" autocapitalize="off" spellcheck="false" disabled required></label>
<div class="actions">
<button type="submit">Sign in</button>
<button type="button" id="passkey" hidden>Use a passkey</button>
<button type="button" class="deny">Cancel</button>
</div>
</form>

<form id="consent" hidden>
<h1 tabindex="-1">{name} asks for access to your account</h1>
<p class="account">You are <strong id="account"></strong>
<button type="button" id="other" class="link">Use another account</button></p>
<h2 id="wanted">It wants to be allowed to</h2>
<ul id="scopes" aria-labelledby="wanted"></ul>
<p class="note">Allow it only if you know {name} and have just come from there. You can withdraw it at any
time. You go back to <strong>{destination}</strong>.</p>
<div class="actions">
<button type="submit">Allow</button>
<button type="button" class="deny">Do not allow</button>
</div>
</form>
<script>{script}</script>"""


def page(asked: AuthorizationRequest, dpop: str = "optional") -> HTMLResponse:
    """Return the consent page for a valid request; `dpop` is the setting of that name."""
    name = escape(asked.address.client.name)
    destination = escape(_destination(asked.address.uri))
    body = QUESTION.format(name=name, destination=destination, script=_read("consent.js"))
    return _answer(f"{name} asks for access", body, 200, dpop=dpop, anew=str(asked.anew).lower())


def problem(text: str) -> HTMLResponse:
    """Return the page that shows an error to the person, when there is no valid redirect URI."""
    return _answer("This link does not work", PROBLEM.format(problem=escape(text)), 400)


def _answer(
    title: str, body: str, status: int, dpop: str = "optional", anew: str = "false"
) -> HTMLResponse:
    style = _read("consent.css")
    document = DOCUMENT.format(title=title, style=style, dpop=dpop, anew=anew, body=body)
    return HTMLResponse(document, status, _headers())


def _destination(uri: str) -> str:
    url = urlsplit(uri)
    if url.scheme == "https":
        return url.netloc
    return "an application on this device" + ("" if url.scheme == "http" else f" ({url.scheme})")


@cache
def _read(file: str) -> str:
    return FOLDER.joinpath(file).read_text("utf-8")


@cache
def _headers() -> dict[str, str]:
    # No cross-origin-opener-policy: applications open this page in a pop-up, and wait for it to close.
    policy = {
        "default-src": "'none'",
        "script-src": _hash(_read("consent.js")),
        "style-src": _hash(_read("consent.css")),
        "img-src": "data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
    }
    return {
        "cache-control": "no-store",
        "content-security-policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        # The URL of this page contains the application's state.
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
    }


def _hash(source: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"
