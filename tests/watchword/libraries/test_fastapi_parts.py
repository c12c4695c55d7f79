"""FastAPI still keeps included routers as routes, through which the apps below them are found."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount

from watchword.libraries.fastapi_parts import mounted


def test_apps_are_found_below_mounts_and_included_routers() -> None:
    inner = Starlette()
    middle = APIRouter()
    middle.include_router(APIRouter(routes=[Mount("/deep", inner)]), prefix="/two")
    app = FastAPI(openapi_url=None)
    app.include_router(middle, prefix="/one")
    outer = Starlette(routes=[Mount("/outer", app)])
    assert list(mounted(outer)) == [("/outer", app), ("/outer/one/two/deep", inner)]


def test_an_app_without_routes_has_none() -> None:
    assert list(mounted(object())) == []
