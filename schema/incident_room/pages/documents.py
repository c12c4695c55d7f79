"""The GraphQL documents of the pages: what anybody may ask of /graphql."""

from __future__ import annotations

DAYS = 90
# Updates that are shown of an incident that goes on; its own page shows all that fit there.
RECENT = 30
# Updates and incidents that a page shows at most. So many long updates are 30 KB.
MOST_UPDATES, MOST_PAST = 50, 100
# Incidents that go on, and planned maintenance, that the first page shows at most.
MOST_OPEN = 50
GOING_ON = "statuses: [INVESTIGATING, IDENTIFIED, MONITORING, IN_PROGRESS, VERIFYING]"

_INCIDENT = """
fragment Incident on Incident {
  id name impact status startedAt createdAt updatedAt resolvedAt scheduledUntil
  components { id name }
}
fragment Update on IncidentUpdate { id status body displayAt }
"""

PAGE = f"""query StatusPage($since: DateTime!, $zone: String!) {{
  components {{
    id name group description status
    history(days: {DAYS}, timeZone: $zone) {{
      firstDay lastDay knownFrom uptime
      days {{ date worst degradedSeconds partialOutageSeconds majorOutageSeconds maintenanceSeconds }}
    }}
  }}
  now: incidents(first: {MOST_OPEN}, filter: {{{GOING_ON}}}) {{
    totalCount
    nodes {{ ...Incident updates(first: {RECENT}) {{ nodes {{ ...Update }} pageInfo {{ hasNextPage }} }} }}
  }}
  scheduled: incidents(first: {MOST_OPEN}, orderBy: STARTED_AT_ASC, filter: {{statuses: [SCHEDULED]}}) {{
    totalCount
    nodes {{ ...Incident updates(first: {RECENT}) {{ nodes {{ ...Update }} pageInfo {{ hasNextPage }} }} }}
  }}
  past: incidents(first: {MOST_PAST}, filter: {{open: false, startedAfter: $since}}) {{
    totalCount
    nodes {{ ...Incident updates(first: 1) {{ nodes {{ ...Update }} }} }}
  }}
}}{_INCIDENT}"""

OPEN = f"""query StatusOpen($after: String) {{
  open: incidents(first: {MOST_PAST}, after: $after, orderBy: STARTED_AT_ASC, filter: {{open: true}}) {{
    nodes {{ ...Incident updates(first: 1) {{ nodes {{ ...Update }} pageInfo {{ hasNextPage }} }} }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}{_INCIDENT}"""

MONTH = f"""query StatusMonth($since: DateTime!, $until: DateTime!, $after: String) {{
  past: incidents(
    first: {MOST_PAST}, after: $after, filter: {{open: false, startedAfter: $since, startedBefore: $until}}
  ) {{
    nodes {{ ...Incident updates(first: 1) {{ nodes {{ ...Update }} }} }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}{_INCIDENT}"""

INCIDENT = f"""query StatusIncident($id: ID!, $after: String) {{
  incident(id: $id) {{
    ...Incident
    updates(first: {MOST_UPDATES}, after: $after) {{ totalCount nodes {{ ...Update }} pageInfo {{ hasNextPage endCursor }} }}
  }}
}}{_INCIDENT}"""

FEED = f"""query StatusFeed {{
  incidents(first: 25, orderBy: UPDATED_AT_DESC) {{
    nodes {{ ...Incident updates(first: {RECENT}) {{ nodes {{ ...Update }} }} }}
  }}
}}{_INCIDENT}"""

IMPORTED = """query StatusImported($code: String!) {
  incidents(first: 1, filter: {sourceId: $code}) { nodes { id } }
}"""
