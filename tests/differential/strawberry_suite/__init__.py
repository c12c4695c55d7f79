"""Strawberry's own tests, with Watchword in the place of its views, or compiled execution in that of graphql-core's.

    python -m tests.differential.strawberry_suite views CHECKOUT [tests]
    python -m tests.differential.strawberry_suite types CHECKOUT [tests]

`CHECKOUT` is a checkout of Strawberry's repository, whose package has no tests. They need pytest-mock.
"""
