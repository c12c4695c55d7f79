"""The GraphQL operations that tests send, written as clients write them."""

OPEN = """
mutation Open($input: OpenIncidentInput!) {
  openIncident(input: $input) { id name status impact version startedAt components { name } }
}"""
POST = "mutation Post($input: PostUpdateInput!) { postUpdate(input: $input) { id body status visibility } }"
CHANGE_STATUS = """
mutation Change($input: ChangeStatusInput!) {
  changeStatus(input: $input) { id status version monitoringAt resolvedAt }
}"""
CHANGE_IMPACT = (
    "mutation C($input: ChangeImpactInput!) { changeImpact(input: $input) { id impact version } }"
)
ASSIGN = "mutation A($input: AssignCommanderInput!) { assignCommander(input: $input) { commander { name } version } }"
AFFECT = "mutation S($input: SetAffectedComponentsInput!) { setAffectedComponents(input: $input) { components { name } } }"
RESOLVE = "mutation R($input: ResolveIncidentInput!) { resolveIncident(input: $input) { status resolvedAt } }"
REGISTER = "mutation R($input: RegisterComponentInput!) { registerComponent(input: $input) { id name group status position version } }"
SET_STATUS = "mutation S($input: SetComponentStatusInput!) { setComponentStatus(input: $input) { id status version } }"
SET_ROLES = "mutation S($input: SetRolesInput!) { setRoles(input: $input) { name roles version } }"
INCIDENT = """
query Incident($id: ID!) {
  incident(id: $id) {
    id name status impact version
    updates(first: 10) { totalCount nodes { body visibility } }
  }
}"""
PEOPLE = """
query People($id: ID!) {
  incident(id: $id) { commander { name roles } updates(first: 1) { nodes { author { name roles } } } }
}"""
NOTES = "query Notes($id: ID!) { incident(id: $id) { name internalNotes { body } } }"
LIST = """
query List($filter: IncidentFilter, $orderBy: IncidentOrder! = STARTED_AT_DESC,
           $first: Int, $after: String, $last: Int, $before: String) {
  incidents(filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
    totalCount
    edges { cursor node { name } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""
EVERYTHING = """
query Everything($first: Int!) {
  incidents(first: $first) {
    totalCount
    nodes {
      name components { name } commander { name email }
      updates(first: 3) { totalCount nodes { body author { name } incident { name } } pageInfo { hasNextPage } }
      internalNotes { body author { name } }
    }
  }
  components { name }
}"""
