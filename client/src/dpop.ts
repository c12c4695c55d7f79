import type { Prover } from "./requests.js";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256" } as const;
const STORE = "keys";
// Milliseconds by which a clock may differ from the server's: `Date` is in whole seconds, and an answer takes its time.
const TOLERATED = 5_000;

/** Where a key pair stays: IndexedDB, which keeps keys that no script can read. */
export interface KeyStore {
  load(): Promise<CryptoKeyPair | undefined>;
  /** Keep a pair, unless there is one. Returns the pair that is kept. */
  keep(pair: CryptoKeyPair): Promise<CryptoKeyPair>;
}

export interface DpopOptions {
  /** The name of the key, for pages that have sessions at several servers. */
  name?: string;
  /** By default IndexedDB; where there is none, the key ends with the process, and the session with it. */
  store?: KeyStore;
  /** The address in proofs, if the page reaches the server through a proxy under another one: the issuer's origin. */
  issuer?: string;
  /** This machine's time in Unix milliseconds. If it is wrong, proofs have the server's, as its refusal says (`Date`). */
  now?: () => number;
}

/** Bind tokens to a key that never leaves this browser (RFC 9449): `createSession({ dpop: createDpop() })`. */
export function createDpop({ name = "watchword", store, issuer, now = () => Date.now() }: DpopOptions = {}): Prover {
  const kept = store ?? (typeof indexedDB === "undefined" ? undefined : indexedStore(name));
  let pair: Promise<CryptoKeyPair> | undefined;
  // Milliseconds by which the server's clock is ahead of this machine's.
  let ahead = 0;
  return {
    async learn(refusal) {
      const { headers } = refusal, before = ahead, difference = Date.parse(headers.get("date") ?? "") - now();
      const text = headers.get("www-authenticate") + (await refusal.clone().text());
      // RFC 9449, section 7.1: with this word, the proof itself was refused.
      if (text.includes("invalid_dpop_proof") && Math.abs(difference - ahead) > TOLERATED) ahead = difference;
      return ahead !== before;
    },
    async proof(method, url, nonce, token) {
      const keys = await (pair ??= find(kept).catch((error: unknown) => {
        pair = undefined;
        throw error;
      }));
      const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", keys.publicKey);
      const header = { typ: "dpop+jwt", alg: "ES256", jwk: { kty, crv, x, y } };
      const claims = { htm: method, htu: target(url, issuer), iat: Math.floor((now() + ahead) / 1_000), jti: crypto.randomUUID(), nonce, ath: token && (await hash(token)) };
      const signed = `${encoded(header)}.${encoded(claims)}`;
      const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, keys.privateKey, bytes(signed));
      return `${signed}.${base64url(new Uint8Array(signature))}`;
    },
  };
}

/** Return the key of all tabs: two tabs that make one at the same time use the one that was kept first. */
async function find(store: KeyStore | undefined): Promise<CryptoKeyPair> {
  const found = await store?.load();
  if (found) return found;
  const made = await crypto.subtle.generateKey(ALGORITHM, false, ["sign", "verify"]);
  return (await store?.keep(made)) ?? made;
}

/** RFC 9449, section 4.2: without query and fragment. */
function target(url: string, issuer: string | undefined): string {
  const { origin, pathname } = new URL(url);
  return (issuer ?? origin) + pathname;
}

const bytes = (text: string) => new TextEncoder().encode(text);
const encoded = (value: object): string => base64url(bytes(JSON.stringify(value)));
const hash = async (token: string): Promise<string> => base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes(token))));

function base64url(data: Uint8Array): string {
  return btoa(String.fromCharCode(...data)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function indexedStore(name: string): KeyStore {
  const within = async <T>(mode: IDBTransactionMode, work: (keys: IDBObjectStore) => IDBRequest<T>): Promise<T> => {
    const database = await done(opening(name));
    try {
      return await done(work(database.transaction(STORE, mode).objectStore(STORE)));
    } finally {
      database.close();
    }
  };
  const load = (): Promise<CryptoKeyPair | undefined> => within("readonly", (keys) => keys.get(name) as IDBRequest<CryptoKeyPair | undefined>);
  return {
    load,
    async keep(pair) {
      // `add` fails if another tab was faster.
      await within("readwrite", (keys) => keys.add(pair, name)).catch(() => {});
      return (await load()) ?? pair;
    },
  };
}

function opening(name: string): IDBOpenDBRequest {
  const request = indexedDB.open(`${name} dpop`, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE);
  return request;
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("IndexedDB failed"));
  });
}
