"""A schema with lists, pages and every way to give their size, for tests of limits and costs."""

from __future__ import annotations

from graphql import build_schema

SCHEMA = build_schema("""
type Query {
  toy: Toy some(first: Int): [Toy!]! toys(first: Int, last: Int, after: String): Toys! all: [Toy!]!
  ten(first: Int = 50): [Toy!]! limited(limit: Int): [Toy!]! floating(first: Float): [Toy!]!
  worded(first: String): [Toy!]! huge(first: Big): [Toy!]! sized(of: Sized, all: [Sized!]): [Toy!]!
  nodes(ids: [ID!]!): [Toy]! found(in: Found!): Toys! wished(below: Int): [Toy!]!
}
scalar Big
input Sized { first: Int = 40, deeper: Sized, ids: [ID!] }
input Found { ids: [[ID!]!]! }
type Toys { nodes: [Toy!]! edges: [Edge!]! count: Int! }
type Edge { node: Toy! }
type Toy { name: String! toy: Toy toys(first: Int, last: Int): Toys! parts: [Toy] }
""")
