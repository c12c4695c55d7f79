import { type Document, textOf } from "./document.js";
import { operationOf } from "./operation-text.js";

/** Returns the id of a document's text; nothing if the text is to be sent. */
export type IdOf = (text: string) => string | undefined | Promise<string | undefined>;

export interface ByIdOptions {
  /** By default the id is `sha256:` and the SHA-256 of the text, by which the server finds each document of its manifests. */
  idOf?: IdOf;
  fetch?: typeof fetch;
  /** The WebSocket of the platform, if it is not global (Node.js 20: that of `ws`). */
  webSocket?: typeof WebSocket;
}

export interface ById {
  /** For `createSession`. */
  fetch: typeof fetch;
  /** For `createLive`; undefined where there is no WebSocket. */
  webSocket: typeof WebSocket;
}

/**
 * Send ids in the place of documents: give `fetch` to `createSession` and `webSocket` to `createLive`. It works for all
 * that is sent through them, by the adapters too.
 */
export function byId({ idOf = idByHash(), fetch = globalThis.fetch, webSocket = globalThis.WebSocket }: ByIdOptions = {}): ById {
  return {
    fetch: async (input, init) => {
      const { body } = init ?? {};
      if (typeof body !== "string" || !isGraphQL(input)) return fetch(input, init);
      return fetch(input, { ...init, body: JSON.stringify(await named(JSON.parse(body), idOf)) });
    },
    webSocket: webSocket && socketById(webSocket, idOf),
  };
}

/** A manifest in Apollo's format, which the server reads from WATCHWORD_DOCUMENTS. */
export interface Manifest {
  format: "apollo-persisted-query-manifest";
  version: 1;
  operations: { id: string; name: string; type: string; body: string }[];
}

/** Make the manifest of documents, as the build of a page does. Throws a `TypeError` for one that has no operation. */
export async function manifestOf(documents: Iterable<Document<never, never>>): Promise<Manifest> {
  const bodies = [...new Set([...documents].map(textOf))];
  const operations = bodies.map(async (body) => {
    const { name = "", type } = operationOf(body) ?? none(body);
    return { id: await hashOf(body), name, type, body };
  });
  return { format: "apollo-persisted-query-manifest", version: 1, operations: await Promise.all(operations) };
}

/**
 * Return the ids that GraphQL Code Generator has given its documents (`persistedDocuments`), for `byId`. They are the
 * hashes of other texts than those of the documents: its manifest has the fields in another order.
 */
export function idsOf(documents: Iterable<unknown>): IdOf {
  const ids = new Map<string, string>();
  for (const each of documents) {
    const { hash } = (each as { __meta__?: { hash?: string } }).__meta__ ?? {};
    if (hash) ids.set(textOf(each as object), hash);
  }
  return (text) => ids.get(text);
}

function none(text: string): never {
  throw new TypeError(`This document has no operation: ${text.slice(0, 100)}`);
}

function idByHash(): IdOf {
  const known = new Map<string, Promise<string>>();
  return (text) => {
    // Only pages from https and from this machine may compute hashes; others send the text.
    if (!globalThis.crypto?.subtle) return undefined;
    const id = known.get(text) ?? hashOf(text).then((hash) => `sha256:${hash}`);
    known.set(text, id);
    return id;
  };
}

async function hashOf(text: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const isGraphQL = (input: unknown): boolean => /\/graphql\/?([?#]|$)/.test(String(input));

/** Put ids in the place of the texts of a request, or of a batch of them. */
async function named(request: unknown, idOf: IdOf): Promise<unknown> {
  if (Array.isArray(request)) return Promise.all(request.map((each) => named(each, idOf)));
  const { query, ...rest } = (request ?? {}) as { query?: unknown };
  const documentId = typeof query === "string" ? await idOf(query) : undefined;
  return documentId === undefined ? request : { documentId, ...rest };
}

function socketById(Socket: typeof WebSocket, idOf: IdOf): typeof WebSocket {
  return class extends Socket {
    #sent: Promise<void> = Promise.resolve();

    // An id may come later, and the messages must stay in their order. If there is none, the connection is made anew:
    // the server must not miss a message.
    override send(data: Parameters<WebSocket["send"]>[0]): void {
      this.#sent = this.#sent.then(async () => {
        const text = typeof data === "string" ? await subscribing(data, idOf) : data;
        if (this.readyState === this.OPEN) super.send(text);
      }).catch(() => this.close());
    }
  };
}

async function subscribing(text: string, idOf: IdOf): Promise<string> {
  const message = JSON.parse(text) as { type?: unknown; payload?: unknown };
  if (message.type !== "subscribe") return text;
  return JSON.stringify({ ...message, payload: await named(message.payload, idOf) });
}
