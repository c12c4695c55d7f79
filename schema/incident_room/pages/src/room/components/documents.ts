// What the room asks about components.
export type ComponentStatus = "OPERATIONAL" | "DEGRADED_PERFORMANCE" | "PARTIAL_OUTAGE" | "MAJOR_OUTAGE" | "UNDER_MAINTENANCE";
export const COMPONENT_STATUSES: ComponentStatus[] = ["OPERATIONAL", "DEGRADED_PERFORMANCE", "PARTIAL_OUTAGE", "MAJOR_OUTAGE", "UNDER_MAINTENANCE"];

export interface Component {
  id: string;
  name: string;
  group: string | null;
  description: string | null;
  status: ComponentStatus;
  version: number;
}

export const ALL = "query RoomAllComponents { components { id name group description status version } }";
export const EVENTS = "subscription RoomComponents { componentStatusChanged { id } }";
export const REGISTER = "mutation RoomRegister($input: RegisterComponentInput!) { registerComponent(input: $input) { id } }";
export const SET_STATUS = "mutation RoomSetStatus($input: SetComponentStatusInput!) { setComponentStatus(input: $input) { id } }";
