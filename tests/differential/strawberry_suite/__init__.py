"""Strawberry's own tests, with Watchword in the place of its views, or compiled execution in that of graphql-core's.

    python -m tests.differential.strawberry_suite views CHECKOUT [tests]
    python -m tests.differential.strawberry_suite own CHECKOUT [tests]
    python -m tests.differential.strawberry_suite types CHECKOUT [tests]

`own` asks the view that the installed Strawberry has for FastAPI: tests that it does not pass are not of its version.
`CHECKOUT` is a checkout of Strawberry's repository, whose package has no tests. They need pytest-mock.
"""
