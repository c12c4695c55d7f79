// The documents of a front end with Apollo Client.
import { gql } from "@apollo/client";

const NAMED = gql`fragment Named on Incident { name impact }`;
const BAD = gql`fragment Bad on Incident { status impact }`;
export const Viewer = gql`query Viewer { viewer { email } }`;
export const Open = gql`${NAMED} mutation Open($input: OpenIncidentInput!) { openIncident(input: $input) { id ...Named ...Bad } } ${BAD}`;
export const Changed = gql`${NAMED} subscription Changed($present: Boolean! = true) { incidentsChanged(present: $present) { kind incident { ...Named ...Bad } } } ${BAD}`;
