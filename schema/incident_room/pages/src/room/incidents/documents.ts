// What the room asks about incidents, and what it is told.
import type { Page } from "../data";
import type { Impact, Status, Visibility } from "../words";

export interface Person {
  id: string;
  name: string;
}

export interface Update {
  id: string;
  status: Status;
  body: string;
  visibility: Visibility;
  displayAt: string;
  author?: Person | null;
}

export interface Summary {
  id: string;
  name: string;
  impact: Impact;
  status: Status;
  startedAt: string;
  updatedAt: string;
  /** Absent for those who do not see members. */
  commander?: Person | null;
  components: { id: string; name: string }[];
}

export interface Incident extends Summary {
  version: number;
  resolvedAt: string | null;
  updates: Page<Update>;
}

/** A document in two forms, both of which are in the manifest of trusted documents. */
export interface Forms {
  /** For those who see members. */
  withMembers: string;
  /** For all others. The server may hide the fields from them, and `@include` would need these. */
  without: string;
}

const inBoth = (document: (members: boolean) => string): Forms => ({ withMembers: document(true), without: document(false) });
const summary = (members: boolean) => `id name impact status startedAt updatedAt ${members ? "commander { id name } " : ""}components { id name }`;
const update = (members: boolean) => `id status body visibility displayAt${members ? " author { id name }" : ""}`;

const PAGE = "totalCount pageInfo { hasNextPage endCursor }";

export const OPEN_ONES = inBoth((members) => `query RoomIncidents($after: String) {
  incidents(filter: {open: true}, first: 100, after: $after) { ${PAGE} nodes { ${summary(members)} } }
}`);
export const CLOSED_ONES = inBoth((members) => `query RoomClosedIncidents($after: String) {
  incidents(filter: {open: false}, first: 15, after: $after, orderBy: UPDATED_AT_DESC) { ${PAGE} nodes { ${summary(members)} } }
}`);
export const LIST_EVENTS = "subscription RoomIncidents { incidentsChanged { kind incident { id name } } }";

export const INCIDENT = inBoth((members) => `query RoomIncident($id: ID!, $after: String) {
  incident(id: $id) {
    ${summary(members)} version resolvedAt
    updates(first: 100, after: $after) { ${PAGE} nodes { ${update(members)} } }
  }
}`);
export const INCIDENT_EVENTS = `subscription RoomIncident($id: ID!) {
  incidentUpdated(incidentId: $id) { kind }
}`;
export const HERE = "subscription RoomHere($id: ID!) { respondersHere(incidentId: $id) { since member { id name } } }";

export const COMPONENTS = "query RoomComponents { components { id name group } }";
export const MEMBERS = `query RoomMembers($after: String) { members(first: 100, after: $after) { ${PAGE} nodes { id name roles disabled } } }`;

export const OPEN = "mutation RoomOpen($input: OpenIncidentInput!) { openIncident(input: $input) { id } }";
export const POST = "mutation RoomPost($input: PostUpdateInput!) { postUpdate(input: $input) { id } }";
export const VISIBILITY = "mutation RoomVisibility($input: ChangeVisibilityInput!) { changeVisibility(input: $input) { id } }";
export const STATUS = "mutation RoomStatus($input: ChangeStatusInput!) { changeStatus(input: $input) { id } }";
export const IMPACT = "mutation RoomImpact($input: ChangeImpactInput!) { changeImpact(input: $input) { id } }";
export const ASSIGN = "mutation RoomAssign($input: AssignCommanderInput!) { assignCommander(input: $input) { id } }";
export const AFFECT = "mutation RoomAffect($input: SetAffectedComponentsInput!) { setAffectedComponents(input: $input) { id } }";
export const RESOLVE = "mutation RoomResolve($input: ResolveIncidentInput!) { resolveIncident(input: $input) { id } }";
