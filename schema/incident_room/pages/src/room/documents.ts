// What the room asks about the person who is signed in, and about others by their ids.
export const VIEWER = "query Viewer { viewer { id name email roles scopes } }";
export const NAME = "query RoomName($id: ID!) { node(id: $id) { ... on Member { name } } }";
export const FACTORS = "query RoomFactors { passkeys { id } secondFactor { enabled } }";
