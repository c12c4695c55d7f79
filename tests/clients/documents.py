"""The operations that all clients send to the built-in schema."""

QUERY = "{ viewer { email } incidents(first: 1) { edges { node { name } } } }"
SUBSCRIPTION = "subscription { incidentsChanged { kind incident { name } } }"
OPEN = """
mutation Open($name: String!) {
  openIncident(input: { name: $name, body: "We are looking.", impact: MINOR }) { id }
}
"""
