// Asks the browser for a passkey (Web Authentication Level 3).
import { ORIGIN } from "./page.js";

/** Return a credential that signs in or, with an access token, authenticates again. Throws if the person gives none. */
export async function passkey(token: string | null = null): Promise<unknown> {
  const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
  const response = await fetch(`${ORIGIN}/api/auth/passkeys/options`, { method: "POST", headers, body: "{}", credentials: "same-origin" });
  if (!response.ok) throw new Error(`The server answered ${response.status}.`);
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(await response.json());
  const credential = await navigator.credentials.get({ publicKey });
  return (credential as PublicKeyCredential).toJSON();
}

/** Tell whether this browser, at this address, can be asked for one: an IP address has none. */
export function hasPasskeys(): boolean {
  const isNumber = /^[\d.]+$|^\[/.test(location.hostname);
  return !isNumber && typeof PublicKeyCredential?.parseRequestOptionsFromJSON === "function";
}
