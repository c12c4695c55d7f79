"""The revisions of the runtime's own tables."""

LAST_RELEASE = "0006"
"""The newest revision of the last release. Its servers can work with a database that has all of these."""
