"""The revisions of the incident room's tables."""

LAST_RELEASE = "0002"
"""The newest revision of the last release. Its servers can work with a database that has all of these."""
