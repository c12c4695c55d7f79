"""The routes of the public page: /, /incidents, /incidents/{id}, /history/{month}, the feed, and the JSON of Statuspage."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from incident_room.pages import documents
from incident_room.pages.answering import ATOM, HEADERS, HTML, JSON, Wanted, answered
from incident_room.pages.assets import up_to_root
from incident_room.pages.export import Export
from incident_room.pages.rendered import RenderedPages
from incident_room.pages.settings import PageSettings, read
from incident_room.pages.site import Site, iso
from incident_room.pages.statuspage import FILES, Write
from incident_room.pages.view import last_days, past_days, shown, status_view
from watchword import Server, WatchwordError, decode_id, encode_id, moment

_MONTH = re.compile(r"(\d{4})-(\d{2})", re.ASCII)
# The ids that Statuspage gives to incidents, which are in the addresses of their pages.
_CODE = re.compile(r"[0-9a-z]{1,64}")


class PublicPage:
    """The page, with the settings that `open` reads when the server starts."""

    def __init__(self) -> None:
        self._site: Site | None = None
        self.pages = RenderedPages()

    async def open(self) -> None:
        """Read the settings, and everything that follows from them. Raises `Unsafe`, which stops the server."""
        self.use(read())

    def use(self, settings: PageSettings) -> None:
        """Have these settings from now on."""
        self._site, self.pages = Site(settings), RenderedPages()

    @property
    def site(self) -> Site:
        """The page as its settings have it."""
        assert self._site is not None, "the server calls `open` before it answers anything"
        return self._site

    def routes(self) -> list[BaseRoute]:
        """Make the routes, for `Domain.routes`."""
        return [
            Route("/", self._status, methods=["GET"]),
            Route("/incidents", self._open, methods=["GET"]),
            Route("/incidents/{id}", self._incident, methods=["GET"]),
            Route("/history", self._this_month, methods=["GET"]),
            Route("/history/{month}", self._history, methods=["GET"]),
            Route("/history.atom", self._feed, methods=["GET"]),
            Route("/assets/{name}", self._asset, methods=["GET"]),
            *(self._file(name, *made) for name, made in FILES.items()),
        ]

    async def _status(self, request: Request) -> Response:
        """The status page."""
        site, up = self.site, up_to_root(request)
        count = site.settings.past_days
        days = last_days(self.today(request), count)

        def render(data: Any, stale: datetime | None) -> bytes:
            view = status_view(data, site.words, days)
            older = f"{view.past[-1].day:%Y-%m}"
            return site.render("status.html", up, view=view, month=older, stale=stale)

        since = iso(self._midnight(days[-1]) - timedelta(microseconds=1))
        given = {"since": since, "zone": site.settings.time_zone}
        wanted = Wanted(("status", up), documents.PAGE, given, HTML, render)
        return await self._html(request, wanted)

    async def _open(self, request: Request) -> Response:
        """All incidents that go on, and all planned maintenance."""
        up = up_to_root(request)

        def render(data: Any, stale: datetime | None) -> bytes:
            info = data["open"]["pageInfo"]
            rest = info["endCursor"] if info["hasNextPage"] else None
            incidents = [shown(node) for node in data["open"]["nodes"]]
            return self.site.render("open.html", up, incidents=incidents, rest=rest, stale=stale)

        after = {"after": request.query_params.get("after")}
        wanted = Wanted(("open", up), documents.OPEN, after, HTML, render)
        return await self._html(request, wanted)

    async def _incident(self, request: Request) -> Response:
        """One incident, with all its updates."""
        id = encode_id("Incident", request.path_params["id"])
        after, up = request.query_params.get("after"), up_to_root(request)

        def render(data: Any, stale: datetime | None) -> bytes:
            updates = data["incident"]["updates"]
            info = updates["pageInfo"]
            older = info["endCursor"] if info["hasNextPage"] else None
            # After a cursor it is not known here how many came before.
            left = updates["totalCount"] - len(updates["nodes"]) if after is None else None
            incident = shown(data["incident"])
            return self.site.render(
                "incident.html", up, incident=incident, older=older, left=left, stale=stale
            )

        variables = {"id": id, "after": after}
        wanted = Wanted(("incident", up), documents.INCIDENT, variables, HTML, render)
        response = await self._html(request, wanted)
        key = await _imported(request) if response.status_code == 404 else None
        return response if key is None else RedirectResponse(f"{up}incidents/{key}", 307)

    async def _this_month(self, request: Request) -> Response:
        """To the incidents of this month."""
        return RedirectResponse(f"{up_to_root(request)}history/{self.today(request):%Y-%m}", 307)

    async def _history(self, request: Request) -> Response:
        """The incidents of a month."""
        today = self.today(request)
        month = _first_day(request.path_params["month"])
        if month is None or month > today or month.year < 1971:
            return self._missing(request)
        up = up_to_root(request)
        render = partial(self._month, up, month, today)
        variables = {
            "since": iso(self._midnight(month) - timedelta(microseconds=1)),
            "until": iso(self._midnight(_following(month))),
            "after": request.query_params.get("after"),
        }
        key = ("month", up, month, _following(month) > today)
        wanted = Wanted(key, documents.MONTH, variables, HTML, render)
        return await self._html(request, wanted)

    def _month(self, up: str, month: date, today: date, data: Any, stale: datetime | None) -> bytes:
        info = data["past"]["pageInfo"]
        before, after = (month - timedelta(days=1)).replace(day=1), _following(month)
        return self.site.render(
            "history.html",
            up,
            month=month,
            past=past_days(data, self.site.words),
            rest=info["endCursor"] if info["hasNextPage"] else None,
            older_month=before,
            older=f"{up}history/{before:%Y-%m}",
            newer_month=after,
            newer=f"{up}history/{after:%Y-%m}" if after <= today else None,
            stale=stale,
        )

    async def _feed(self, request: Request) -> Response:
        """The incidents that changed last, as an Atom feed (RFC 4287)."""
        base = self.base(request)

        def render(data: Any, stale: datetime | None) -> bytes:
            incidents = [shown(node) for node in data["incidents"]["nodes"]]
            updated = max((each.changed for each in incidents), default=moment(0))
            return self.site.render(
                "feed.xml", "", incidents=incidents, base=base, updated=updated, stale=stale
            )

        wanted = Wanted(("feed", base), documents.FEED, {}, ATOM, render)
        return await self.respond(request, wanted)

    def _file(self, name: str, query: str, write: Write) -> Route:
        async def serve(request: Request) -> Response:
            base, settings = self.base(request), self.site.settings

            def render(data: Any, _stale: datetime | None) -> bytes:
                export = Export(settings.id_of_page(base), base, self.site.words, data)
                page = export.page(settings.title, settings.time_zone)
                return orjson.dumps({"page": page, **write(export, data)})

            return await self.respond(request, Wanted((name, base), query, {}, JSON, render))

        serve.__doc__ = f"What Statuspage serves as {name}.json."
        return Route(f"/api/v2/{name}.json", serve, methods=["GET"])

    async def _asset(self, request: Request) -> Response:
        """The styles and scripts of the page."""
        accepted = request.headers.get("accept-encoding", "")
        return self.site.assets.serve(request.path_params["name"], accepted)

    async def _html(self, request: Request, wanted: Wanted) -> Response:
        return await answered(
            self.pages, request, wanted, partial(self._error, up_to_root(request))
        )

    async def respond(self, request: Request, wanted: Wanted) -> Response:
        """Answer a request for a document that is no HTML."""
        return await answered(self.pages, request, wanted, lambda _: b"")

    def _missing(self, request: Request) -> Response:
        headers = {**HEADERS, "content-type": HTML, "cache-control": "no-store"}
        return Response(self._error(up_to_root(request), "missing"), 404, headers)

    def _error(self, up: str, kind: str) -> bytes:
        return self.site.render("error.html", up, kind=kind, stale=None)

    def base(self, request: Request) -> str:
        """Return the URL of the page, without a slash at its end."""
        return self.site.settings.base(Server(request).settings.issuer)

    def today(self, request: Request) -> date:
        """Return the day that it is in the page's zone."""
        return moment(Server(request).now).astimezone(self.site.settings.zone).date()

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.site.settings.zone)


async def _imported(request: Request) -> str | None:
    """Return the key of the incident that had this address on the page that it was imported from; None if there is none."""
    code = request.path_params["id"]
    if not _CODE.fullmatch(code):
        return None
    try:
        answer = await Server(request).public_answer(documents.IMPORTED, {"code": code})
    except WatchwordError:
        return None
    found = orjson.loads(answer.json)["data"]["incidents"]["nodes"] if answer.is_whole else []
    return decode_id(found[0]["id"], "Incident") if found else None


def _first_day(month: str) -> date | None:
    found = _MONTH.fullmatch(month)
    try:
        return date(int(found[1]), int(found[2]), 1) if found else None
    except ValueError:
        return None


def _following(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)
