import type { Claims } from "./claims.js";
import type { Session } from "./session.js";

type Json = Record<string, unknown>;

const PATH = "/api/auth/passkeys/options";
const BEGIN = "mutation BeginPasskey { beginPasskey }";
const ADD = "mutation AddPasskey($name: String!, $credential: JSON!) { addPasskey(name: $name, credential: $credential) { id name } }";

/** The documents that `addPasskey` sends, for the manifest of a page whose server takes only trusted documents. */
export const PASSKEY_DOCUMENTS: readonly string[] = [BEGIN, ADD];

export interface PasskeyOptions {
  /** Ends the browser's dialogue. */
  signal?: AbortSignal;
  /** `"conditional"` offers passkeys in the autofill of a field with `autocomplete="username webauthn"`. */
  mediation?: CredentialMediationRequirement;
}

/** Whether this browser can use passkeys on this page. */
export const hasPasskeys = (): boolean =>
  typeof PublicKeyCredential !== "undefined" && "parseRequestOptionsFromJSON" in PublicKeyCredential;

/** Sign in with a passkey, without an e-mail address. Rejects with `NotAllowedError` if the person declines. */
export async function signInWithPasskey(session: Session, options: PasskeyOptions = {}): Promise<Claims> {
  const asked = await session.requests.post(PATH, {});
  return session.signIn({ passkey: await passkey(asked as Json, options) });
}

/** Authenticate again with a passkey, for operations that need a recent sign-in. */
export async function stepUpWithPasskey(session: Session, options: PasskeyOptions = {}): Promise<void> {
  const asked = await session.requests.post(PATH, {}, await session.token());
  return session.stepUp({ passkey: await passkey(asked as Json, options) });
}

/** Register a passkey on this device. It needs a recent sign-in. */
export async function addPasskey(session: Session, name: string): Promise<{ id: string; name: string }> {
  const { beginPasskey } = await session.query<{ beginPasskey: Json }, object>(BEGIN);
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(beginPasskey as never);
  const credential = toJson(await navigator.credentials.create({ publicKey }));
  const { addPasskey: added } = await session.query<{ addPasskey: { id: string; name: string } }, object>(ADD, { name, credential });
  return added;
}

async function passkey(asked: Json, options: PasskeyOptions): Promise<unknown> {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(asked as never);
  return toJson(await navigator.credentials.get({ publicKey, ...options }));
}

function toJson(credential: Credential | null): unknown {
  if (credential === null) throw new DOMException("No passkey was chosen.", "NotAllowedError");
  return (credential as PublicKeyCredential).toJSON();
}
