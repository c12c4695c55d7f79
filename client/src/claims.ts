import { nonsense } from "./errors.js";

/** What an access token says. It is read and not verified: use it to decide what to show, never what is allowed. */
export interface Claims {
  /** The id of the account. */
  sub: string;
  /** The id of the session; of the account, if an identity provider names no session. */
  sid: string;
  /** Unix seconds by the server's clock. */
  exp: number;
  scope?: string;
  roles?: readonly string[];
  auth_time?: number;
  client_id?: string;
  [name: string]: unknown;
}

/** Read the claims of an access token (RFC 7519, section 3). Throws `NONSENSE` if it is not one. */
export function claimsOf(token: string): Claims {
  try {
    const text = atob(token.split(".")[1]!.replaceAll("-", "+").replaceAll("_", "/"));
    // `escape` turns bytes into the percent signs of UTF-8: React Native has no TextDecoder.
    const claims = JSON.parse(decodeURIComponent(escape(text))) as Claims;
    if (typeof claims.sub !== "string") throw new Error();
    return { ...claims, sid: String(claims.sid ?? claims.sub) };
  } catch {
    throw nonsense("the access token is none");
  }
}
