// What the room asks about the account of the person, and how it changes it.
export const FACTOR = "query RoomFactor { secondFactor { enabled recoveryCodesLeft } }";
export const BEGIN_TOTP = "mutation RoomBeginTotp { beginTotp { secret uri } }";
export const CONFIRM_TOTP = "mutation RoomConfirmTotp($otp: String!) { confirmTotp(otp: $otp) }";
export const DISABLE_TOTP = "mutation RoomDisableTotp { disableTotp { enabled } }";
export const RENEW_CODES = "mutation RoomRecoveryCodes { makeRecoveryCodes }";
export const CONSENTS = "query RoomConsents { consents { client name grantedAt scopes { name description } } }";
export const WITHDRAW = "mutation RoomWithdraw($client: ID!) { withdrawConsent(client: $client) { client } }";
export const CHANGE_PASSWORD = "mutation RoomPassword($current: String!, $new: String!) { changePassword(current: $current, new: $new) { id } }";
export const PASSKEYS = "query RoomPasskeys { passkeys { id name createdAt usedAt } }";
export const REMOVE_PASSKEY = "mutation RoomRemovePasskey($id: ID!) { removePasskey(id: $id) }";
export const SESSIONS = "query RoomSessions { sessions { id label createdAt usedAt address current methods } }";
export const REVOKE_SESSION = "mutation RoomRevoke($id: ID!) { revokeSession(id: $id) }";
export const SIGN_OUT_ELSEWHERE = "mutation RoomElsewhere { signOutEverywhere(exceptCurrent: true) { id } }";
