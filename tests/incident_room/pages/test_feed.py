"""The feed is an Atom feed by every rule of RFC 4287 that concerns it, new after each mutation, and a 304 until then.

feedparser and atoma read the same entries. Jing found it valid by the schema of appendix B, which is not in this repository.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import atoma
import feedparser

from tests.incident_room.documents import OPEN, POST, RESOLVE
from tests.incident_room.pages.conftest import Served, serving
from tests.incident_room.pages.many_incidents import generated
from tests.support.clock import MovedClock

ATOM, XML = "{http://www.w3.org/2005/Atom}", "{http://www.w3.org/XML/1998/namespace}"
# Sections 4.1.1, 4.1.2 and 3.2: the elements that each may have, and how many of them: at least, at most.
ONE, SOME, ANY, MAYBE = (1, 1), (1, 99), (0, 99), (0, 1)
CHILDREN = {
    "feed": {"id": ONE, "title": ONE, "updated": ONE, "author": SOME, "link": ANY, "entry": ANY},
    "entry": {"id": ONE, "title": ONE, "updated": ONE, "published": MAYBE, "link": SOME, "content": MAYBE},
    "author": {"name": ONE, "uri": MAYBE, "email": MAYBE},
}  # fmt: skip
ATTRIBUTES = {"link": {"href", "rel", "type"}, "content": {"type"}, "feed": {f"{XML}lang"}}
# Section 3.3.
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def faults(node: Element) -> Iterator[str]:
    """Return what breaks a rule in an element, and in those in it."""
    name = node.tag.removeprefix(ATOM)
    known, found = CHILDREN.get(name, {}), Counter(each.tag.removeprefix(ATOM) for each in node)
    for child in {*known, *found}:
        least, most = known.get(child, (0, 0))
        if not least <= found[child] <= most:
            yield f"{name} has {found[child]} of {child}"
    if not {*node.attrib} <= ATTRIBUTES.get(name, set()):
        yield f"{name} has {node.attrib}"
    yield from _of_values(name, node)
    for each in node:
        yield from faults(each)


def _of_values(name: str, node: Element) -> Iterator[str]:
    text = node.text or ""
    if name in ("updated", "published") and not DATE.fullmatch(text):
        yield f"{name} is {text}"
    # Sections 4.2.6 and 4.2.7.1: identifiers and addresses are whole IRIs.
    address = text if name == "id" else node.get("href", "") if name == "link" else "https://x"
    if not (urlsplit(address).scheme and urlsplit(address).netloc):
        yield f"{name} is {address}"
    if name in ("name", "title") and not text.strip():
        yield f"{name} is empty"
    # Section 4.1.3.3: content of the type html has no child elements, which CHILDREN says of it, and is not empty.
    if name == "content" and (node.get("type") != "html" or not text):
        yield f"content is {node.attrib}"
    # Section 4.1.1: no two links of one relation have the same type.
    links = Counter((each.get("rel"), each.get("type")) for each in node.findall(f"{ATOM}link"))
    if links and max(links.values()) > 1:
        yield f"{name} has {links}"


Entry = tuple[str | None, str | None, str | None, datetime, datetime, str | None]
"""The id, title, address, times and content of an entry."""


def as_written(feed: Element) -> Iterator[Entry]:
    for each in feed.findall(f"{ATOM}entry"):
        named = {name: each.findtext(f"{ATOM}{name}") for name in ("id", "title", "content")}
        link = each.find(f"{ATOM}link")
        published, updated = (
            datetime.fromisoformat(each.findtext(f"{ATOM}{name}") or "").replace(microsecond=0)
            for name in ("published", "updated")
        )
        href = None if link is None else link.get("href")
        yield named["id"], named["title"], href, published, updated, named["content"]


def by_feedparser(text: str) -> Iterator[Entry]:
    found = feedparser.parse(text.encode(), sanitize_html=False, resolve_relative_uris=False)
    assert (found.bozo, found.version) == (False, "atom10")
    for each in found.entries:
        published, updated = (
            datetime(*each[name][:6], tzinfo=UTC) for name in ("published_parsed", "updated_parsed")
        )
        yield each.id, each.title, each.link, published, updated, each.content[0].value


def by_atoma(text: str) -> Iterator[Entry]:
    for each in atoma.parse_atom_bytes(text.encode()).entries:
        published, updated = (at.replace(microsecond=0) for at in (each.published, each.updated))
        yield each.id_, each.title.value, each.links[0].href, published, updated, each.content.value


async def checked(served: Served) -> Element:
    """Return the feed after every rule was looked at."""
    text = await served.text("/history.atom")
    feed = ElementTree.fromstring(text)
    assert [*by_feedparser(text)] == [*by_atoma(text)] == [*as_written(feed)]
    assert feed.tag == f"{ATOM}feed"
    assert [*faults(feed)] == []
    ids = [each.text for each in feed.iter(f"{ATOM}id")]
    assert len({*ids}) == len(ids)
    times = [each.findtext(f"{ATOM}updated") or "" for each in feed.findall(f"{ATOM}entry")]
    assert times == sorted(times, key=datetime.fromisoformat, reverse=True)
    if times:
        assert feed.findtext(f"{ATOM}updated") == times[0]
    return feed


async def test_an_empty_feed_and_a_full_one_are_valid(served: Served, clock: MovedClock) -> None:
    assert (await checked(served)).findall(f"{ATOM}entry") == []
    await served.take(generated(datetime.fromtimestamp(clock.now(), UTC)))
    assert len((await checked(served)).findall(f"{ATOM}entry")) == 25


async def test_a_feed_is_valid_whatever_people_write(sqlite_url: str, clock: MovedClock) -> None:
    evil = "]]></content><entry/> & <b>تعطلت</b> 👩‍👧"
    settings = {"title": "Acme & <Söhne>", "language": "de", "url": "https://status.example/at/all"}
    async with serving(sqlite_url, clock, **settings) as served:
        await served.change(OPEN, name=evil, body=evil)
        feed = await checked(served)
        assert feed.get(f"{XML}lang") == "de"
        assert feed.findtext(f"{ATOM}id") == "https://status.example/at/all/"


async def test_an_update_is_in_the_feed_after_its_mutation_and_not_an_internal_one(
    served: Served, clock: MovedClock
) -> None:
    made = await served.change(OPEN, name="Checkout fails", body="We look.")
    tags = set()
    changes = (
        (POST, {"body": "It is the cache."}),
        (POST, {"body": "Ask finance.", "visibility": "INTERNAL"}),
        (RESOLVE, {"body": "It is over."}),
    )
    for query, given in changes:
        before = await served.client.get("/history.atom")
        condition = {"if-none-match": before.headers["etag"]}
        again = await served.client.get("/history.atom", headers=condition)
        assert (again.status_code, again.content) == (304, b"")
        clock.move(1)
        await served.change(query, incident=made["id"], **given)
        after = await served.client.get("/history.atom", headers=condition)
        if given.get("visibility") == "INTERNAL":
            assert after.status_code == 304 or given["body"] not in after.text
            continue
        assert after.status_code == 200
        tags |= {before.headers["etag"], after.headers["etag"]}
        [entry] = (await checked(served)).findall(f"{ATOM}entry")
        assert given["body"] in (entry.findtext(f"{ATOM}content") or "")
        updated = datetime.fromisoformat(entry.findtext(f"{ATOM}updated") or "")
        assert updated.timestamp() == clock.now()
    assert len(tags) >= 3
