"""The built-in domain: an incident room with a public status page."""

from incident_room.commands import import_
from incident_room.demo import PEOPLE, demo
from incident_room.pages.public import PublicPage
from incident_room.pages.room import RoomPage
from incident_room.root import schema
from incident_room.scopes import DESCRIPTIONS, GIVES, ROLES
from incident_room.topics import TABLES
from watchword import Domain

page = PublicPage()
domain = Domain(
    roles=ROLES,
    gives=GIVES,
    descriptions=DESCRIPTIONS,
    migrations="incident_room.migrations",
    version_table="incident_room_version",
    demo=demo,
    demo_people=PEOPLE,
    commands=[import_],
    tables=TABLES,
    routes=[*page.routes(), *RoomPage(lambda: page.site.assets).routes()],
    pages={"Status": "/", "Room": "/room"},
    startup=page.open,
)

__all__ = ["domain", "page", "schema"]
