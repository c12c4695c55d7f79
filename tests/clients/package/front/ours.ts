// The documents of a front end with watchword-client alone.
export const OURS = {
  Viewer: "query Viewer { viewer { email } }",
  Open: "mutation Open($input: OpenIncidentInput!) { openIncident(input: $input) { id } }",
  Changed: "subscription Changed { incidentsChanged(present: true) { kind incident { name } } }",
};
