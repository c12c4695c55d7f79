// The documents of a front end, for GraphQL Code Generator, which types them.
import { graphql } from "./nodes/index.js";

graphql(`
  query Viewer {
    viewer { email }
  }
`);
graphql(`
  mutation Open($input: OpenIncidentInput!) {
    openIncident(input: $input) { id ...Named ...Bad }
  }
`);
graphql(`
  fragment Named on Incident { name impact }
`);
graphql(`
  fragment Bad on Incident { status impact }
`);
graphql(`
  subscription Changed($present: Boolean! = true) {
    incidentsChanged(present: $present) { kind incident { ...Named ...Bad } }
  }
`);
