import { claimsOf } from "./claims.js";
import { WatchwordError, nonsense } from "./errors.js";
import { type Requests, type Tokens, tokensOf } from "./requests.js";

/** How somebody signs in. `passkey` is the credential's JSON; `watchword-client/passkeys` asks for one. */
export type Credentials =
  | { email: string; password: string; otp?: string; recoveryCode?: string }
  | { passkey: unknown };

/** How somebody who is signed in authenticates again. */
export type StepUpCredentials =
  | { password: string; otp?: string; recoveryCode?: string }
  | { passkey: unknown };

/** The second factor, after the password was right. */
export type SecondFactor = { otp: string } | { recoveryCode: string };

/** What an app keeps where there are no cookies: both are secrets, for the platform's secure storage. */
export interface Kept {
  refreshToken?: string | undefined;
  /** It says that this device has signed in before; it stays after a sign-out. */
  deviceToken?: string | undefined;
}

/** Where an app keeps its refresh token. A browser needs none: it has a cookie that no script can read. */
export interface Store {
  load(): Kept | null | Promise<Kept | null>;
  save(kept: Kept): void | Promise<void>;
}

/** A store that forgets with the process. */
export function memoryStore(kept: Kept = {}): Store {
  return { load: () => kept, save: (next) => void (kept = next) };
}

/** How a session gets its tokens, and ends. */
export interface Routes {
  login(credentials: Credentials): Promise<Tokens>;
  /** Get another access token. Returns null if there is no refresh token. */
  refresh(): Promise<Tokens | null>;
  stepUp(credentials: StepUpCredentials, token: string): Promise<Tokens>;
  logout(): Promise<void>;
  forget(): Promise<void>;
}

/** Take the tokens of an identity provider's library. It signs people in and out. */
export function external(getToken: () => Promise<string | null>): Routes {
  const elsewhere = async (): Promise<never> => {
    throw new WatchwordError("ELSEWHERE", "Sign in at the identity provider, and call session.refresh().");
  };
  const refresh = async (): Promise<Tokens | null> => {
    const token = await getToken();
    if (!token) return null;
    const { exp, iat } = claimsOf(token);
    // The difference, because this machine's clock may be wrong.
    return { access_token: token, token_type: "Bearer", expires_in: exp - Number(iat ?? exp - 60) };
  };
  return { login: elsewhere, stepUp: elsewhere, refresh, logout: async () => {}, forget: async () => {} };
}

/** The sign-in routes of the server, with the refresh token in a cookie or in a store. */
export class SignInRoutes implements Routes {
  #requests: Requests;
  #store: Store | null;

  constructor(requests: Requests, store: Store | null) {
    this.#requests = requests;
    this.#store = store;
  }

  async login(credentials: Credentials): Promise<Tokens> {
    return this.#save(await this.#ask("/api/auth/login", wire(credentials)));
  }

  async refresh(): Promise<Tokens | null> {
    const { refreshToken } = await this.#kept();
    if (this.#store && refreshToken === undefined) return null;
    // Where the browser has no cookie, the server then answers with 204: a 401 would be logged as an error.
    const answer = await this.#ask("/api/auth/refresh", { refresh_token: refreshToken, optional: true });
    return answer === null ? null : this.#save(answer);
  }

  /** Authenticate again. The refresh token stays as it is. */
  async stepUp(credentials: StepUpCredentials, token: string): Promise<Tokens> {
    return tokensOf(await this.#requests.post("/api/auth/step-up", wire(credentials), token));
  }

  /** End the session at the server. The refresh token is kept until that has happened, for another attempt. */
  async logout(): Promise<void> {
    const { refreshToken } = await this.#kept();
    if (!this.#store || refreshToken !== undefined) await this.#requests.post("/api/auth/logout", { refresh_token: refreshToken });
    await this.forget();
  }

  /** Forget the refresh token of a session that has ended. */
  async forget(): Promise<void> {
    const { refreshToken, deviceToken } = await this.#kept();
    if (refreshToken !== undefined) await this.#store!.save({ deviceToken });
  }

  async #kept(): Promise<Kept> {
    return (await this.#store?.load()) ?? {};
  }

  /** Ask for tokens; where there is a store, for all of them in the answer's body. */
  async #ask(path: string, body: object): Promise<unknown> {
    const { deviceToken } = await this.#kept();
    const device = this.#store && { delivery: "body", device_token: deviceToken };
    return this.#requests.post(path, { ...body, ...device });
  }

  /** Keep the new refresh token, before its access token is used: the old one is good no more. */
  async #save(answer: unknown): Promise<Tokens> {
    const tokens = tokensOf(answer), before = await this.#kept();
    if (this.#store && typeof tokens.refresh_token !== "string") throw nonsense("it has no refresh token");
    const kept = { refreshToken: tokens.refresh_token, deviceToken: tokens.device_token ?? before.deviceToken };
    await this.#store?.save(kept);
    return tokens;
  }
}

/** Write credentials with the names of the wire. */
function wire(credentials: object): object {
  const { recoveryCode, ...rest } = credentials as { recoveryCode?: string };
  return recoveryCode === undefined ? rest : { ...rest, recovery_code: recoveryCode };
}
