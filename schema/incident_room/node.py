"""Relay's Node, and the ids of the domain's types."""

from __future__ import annotations

import strawberry


@strawberry.interface(description="Anything that has a global id.")
class Node:
    id: strawberry.ID
