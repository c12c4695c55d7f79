// What the public page follows.
export const CHANGES = "subscription StatusIncidents { incidentsChanged { kind } }";
export const STATES = "subscription StatusComponents { componentStatusChanged { id } }";
