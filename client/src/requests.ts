import { claimsOf } from "./claims.js";
import { type Clock, within } from "./clock.js";
import { WatchwordError, detailsOf, nonsense, unreachable } from "./errors.js";

/** Makes proofs of a key (RFC 9449). `watchword-client/dpop` makes one. */
export interface Prover {
  /** Return a proof for a request; `nonce` is the server's, `token` the access token that is sent with it. */
  proof(method: string, url: string, nonce?: string, token?: string): Promise<string>;
  /** Learn from a refusal what was wrong with a proof. Returns whether another one may be accepted. */
  learn?(refusal: Response): Promise<boolean>;
}

/** What the sign-in routes answer. */
export interface Tokens {
  access_token: string;
  token_type: string;
  /** Seconds. */
  expires_in: number;
  refresh_token?: string;
  device_token?: string;
}

export interface RequestOptions {
  origin: string;
  fetch: typeof fetch;
  clock: Clock;
  /** Milliseconds. */
  timeout: number;
  prover: Prover | null;
  credentials: RequestCredentials;
}

/** Sends requests with the credentials that they need: the access token, and the proof of its key. */
export class Requests {
  #options: RequestOptions;
  /** The newest nonce of the server (RFC 9449, section 8). */
  nonce: string | undefined;

  constructor(options: RequestOptions) {
    this.#options = options;
  }

  /** Return the headers `authorization` and `dpop` for a request; a socket has them in its payload. */
  async credentials(method: string, url: string, token: string | null): Promise<Record<string, string>> {
    const { prover } = this.#options;
    const proof = prover && { dpop: await prover.proof(method, url, this.nonce, token ?? undefined) };
    return { ...(token !== null && { authorization: `${prover ? "DPoP" : "Bearer"} ${token}` }), ...proof };
  }

  /**
   * Send a request with an access token, and again if the proof lacked the server's nonce or was of a wrong time: at most
   * three times, because the server may say one after the other.
   */
  async send(url: string, init: RequestInit, token: string | null): Promise<Response> {
    const { prover } = this.#options;
    for (let left = 2; ; left -= 1) {
      const before = this.nonce;
      const headers = new Headers(init.headers);
      for (const [name, value] of Object.entries(await this.credentials(init.method ?? "GET", url, token))) headers.set(name, value);
      const response = await this.#options.fetch(url, { ...init, headers });
      this.nonce = response.headers.get("dpop-nonce") ?? before;
      if (left === 0 || ![400, 401].includes(response.status) || !prover) return response;
      if (!(await prover.learn?.(response)) && this.nonce === before) return response;
    }
  }

  /** POST JSON to a route of sign-in. Returns its answer, or null for 204. Throws a `WatchwordError`. */
  async post(path: string, body: object, token: string | null = null): Promise<unknown> {
    const { origin, clock, timeout, credentials } = this.#options;
    const tooLate = new AbortController();
    const init = {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      credentials,
      // The answer has the next refresh token: the browser must store it although the page is being closed.
      keepalive: true,
      signal: tooLate.signal,
    };
    const work = this.send(origin + path, init, token).then((response) => read(response, clock)).catch((error: unknown) => {
      throw error instanceof WatchwordError ? error : unreachable(error);
    });
    return within(clock, timeout, work, () => (tooLate.abort(), unreachable(`no answer in ${timeout / 1000} seconds`)));
  }
}

async function read(response: Response, clock: Clock): Promise<unknown> {
  if (response.status === 204) return null;
  const { status } = response;
  const answer = (await response.json().catch(() => null)) as { error?: string; error_description?: string } | null;
  if (response.ok && typeof answer === "object" && answer !== null) return answer;
  const details = detailsOf(response, clock);
  if (typeof answer?.error !== "string") throw nonsense(`status ${status} from ${new URL(response.url || "x:").pathname}`, details);
  throw new WatchwordError(answer.error, answer.error_description ?? answer.error, details);
}

/** Check the answer of a route that gives tokens. */
export function tokensOf(answer: unknown): Tokens {
  const { access_token: token, expires_in: seconds } = (answer ?? {}) as Partial<Tokens>;
  if (typeof token !== "string" || !(Number(seconds) > 0)) throw nonsense("it has no access token");
  claimsOf(token);
  return answer as Tokens;
}
