// What administrators ask and change in the room.
export const MEMBERS = `query RoomAdminMembers($after: String) { members(first: 100, after: $after) {
  totalCount nodes { id name email roles disabled version } pageInfo { hasNextPage endCursor }
} }`;
export const SET_ROLES = "mutation RoomSetRoles($input: SetRolesInput!) { setRoles(input: $input) { id } }";
export const SIGN_OUT = "mutation RoomSignOut($account: ID!) { signOutAccount(account: $account) { id } }";
export const DISABLE_MEMBER = "mutation RoomDisable($account: ID!) { disableAccount(account: $account) { id } }";
export const ENABLE_MEMBER = "mutation RoomEnable($account: ID!) { enableAccount(account: $account) { id } }";
export const ADD_CLIENT = "mutation RoomAddClient($input: AddClientInput!) { addClient(input: $input) { client { id name } secret } }";
export const CHANGE_CLIENT = "mutation RoomChangeClient($input: ChangeClientInput!) { changeClient(input: $input) { id } }";
export const CLIENTS = `query RoomClients($after: String) { clients(first: 100, after: $after) { totalCount pageInfo { hasNextPage endCursor } nodes {
  id name authentication grants scopes roles redirectUris jwks needsDpop mayIntrospect disabledAt version secrets { id createdAt }
} } }`;
export const REVOKE_CLIENT = "mutation RoomRevokeClient($client: ID!) { revokeClient(client: $client) { id } }";
export const DISABLE_CLIENT = "mutation RoomDisableClient($client: ID!) { disableClient(client: $client) { id } }";
export const ADD_SECRET = "mutation RoomAddSecret($client: ID!) { addClientSecret(client: $client) { client { id name } secret } }";
export const REMOVE_SECRET = "mutation RoomRemoveSecret($client: ID!, $secret: ID!) { removeClientSecret(client: $client, secret: $secret) { id } }";
export const KEYS = "query RoomKeys { signingKeys { id algorithm state createdAt signsAt retiresAt } }";
export const ROTATE = "mutation RoomRotate { rotateSigningKeys { id } }";
export const AUDIT_LOG = `query RoomAudit($after: String) {
  auditLog(first: 50, after: $after) { nodes { at action actor account address detail } pageInfo { hasNextPage endCursor } }
}`;
export const CONNECTIONS = `query RoomConnections($after: String) { liveConnections(first: 100, after: $after) {
  totalCount endCursor processes silentProcesses
  nodes { id name subject address transport openedAt endsAt unsentBytes places current subscriptions { operation behind } }
} }`;
export const END_CONNECTION = "mutation RoomEnd($id: ID!) { endConnection(id: $id) }";
