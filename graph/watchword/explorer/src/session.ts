// Who is signed in, by watchword-client, and with how many of their scopes they act.
import { type StepUpCredentials, type StepUpNeed, Live, Session, WatchwordError, createLive, createSession } from "watchword-client";
import { createDpop } from "watchword-client/dpop";
import { ISSUER, ORIGIN } from "./page.js";

// What an operation demands of an authentication, and what the person answers.
type Asked = { need: StepUpNeed; resolve(given: StepUpCredentials | boolean): void };

/** The session of the page, as the bar shows it. It calls `changed` listeners whenever something is to be shown anew. */
export class Person {
  readonly session: Session;
  readonly live: Live;
  /** The e-mail address, or the account's id where the schema does not tell it. */
  name = "";
  /** All scopes that the account has, and those with which it acts; null if with all. */
  scopes: readonly string[] = [];
  acting: readonly string[] | null = null;
  problem = "";
  /** Set while an operation waits for the person to authenticate again. */
  stepUp: Asked | null = null;
  #listeners = new Set<() => void>();
  #version = 0;
  #subject: string | undefined;
  // The value of `acting` that the newest request for a token was sent with; undefined if its token is out of date.
  #asked: readonly string[] | null | undefined;

  constructor() {
    this.session = createSession({
      url: ORIGIN,
      fetch: this.#fetch,
      onStepUp: (need) => this.#stepUp(need),
      ...(ISSUER && { dpop: createDpop({ issuer: ISSUER }) }),
    });
    this.live = createLive(this.session);
    this.session.on("changed", () => this.#changed());
    this.session.on("token", () => this.#read());
    this.session.on("expired", () => this.fail("The session has ended. Sign in again."));
    void this.session.ready.then(() => this.#changed());
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  version = (): number => this.#version;

  /** What the token says that decides what the schema is told to it: who, with which roles and scopes. */
  reach = (): string => {
    const { claims } = this.session;
    return claims ? JSON.stringify([claims.sub, claims.roles, claims.scope]) : "";
  };

  /** Sign in, by what `attempt` does with the session. */
  async signIn(attempt: (session: Session) => Promise<unknown>): Promise<void> {
    this.acting = null;
    this.problem = "";
    await attempt(this.session);
  }

  async signOut(): Promise<void> {
    this.acting = null;
    this.problem = "";
    await this.session.signOut().catch(() => this.fail("The server could not be told; the session may still be open."));
  }

  /** Act with these scopes only, or with all if null: the next token asks for no more. */
  async actWith(scopes: readonly string[] | null): Promise<void> {
    const before = this.acting;
    this.acting = scopes;
    try {
      await this.#renew();
    } catch (error) {
      this.acting = before;
      this.fail(inWords(error));
    }
    this.#tell();
  }

  /** Show a sentence in the bar; an empty one shows nothing. */
  fail(problem: string): void {
    this.problem = problem;
    this.#tell();
  }

  /** Add the scopes to the requests that get a token, if the person acts with fewer. */
  #fetch: typeof fetch = (input, init) => {
    const isRefresh = String(input).endsWith("/api/auth/refresh") && typeof init?.body === "string";
    if (isRefresh) this.#asked = this.acting;
    if (!isRefresh || this.acting === null) return fetch(input, init);
    const body = { ...(JSON.parse(init.body as string) as object), scope: this.acting.join(" ") };
    return fetch(input, { ...init, body: JSON.stringify(body) });
  };

  /** Get a token with the scopes of `acting`. A request that goes on already may have been sent with others. */
  async #renew(): Promise<void> {
    await this.session.refresh();
    if (this.session.claims && this.#asked !== this.acting) await this.session.refresh();
  }

  /** Step up. Its token has all scopes, whatever the person acts with, so that another is asked for. */
  async #stepUp(need: StepUpNeed): Promise<boolean> {
    const given = await this.#askAgain(need);
    if (typeof given === "object") await this.session.stepUp(given);
    if (given && this.acting !== null) {
      this.#asked = undefined;
      await this.#renew();
    }
    return Boolean(given);
  }

  #askAgain(need: StepUpNeed): Promise<StepUpCredentials | boolean> {
    return new Promise((resolve) => {
      this.stepUp = {
        need,
        resolve: (given) => {
          this.stepUp = null;
          this.#tell();
          resolve(given);
        },
      };
      this.#tell();
    });
  }

  #changed(): void {
    const { claims } = this.session;
    // A step-up was asked of the person of before.
    this.stepUp?.resolve(false);
    this.name = claims?.sub ?? "";
    if (claims?.sub !== this.#subject) this.#forgetActing();
    this.#subject = claims?.sub;
    if (claims) {
      this.problem = "";
      void this.#ask(claims.sub);
    }
    this.#read();
  }

  /** Let somebody else act with all scopes: those that were chosen are the choice of the person of before. */
  #forgetActing(): void {
    const wasActing = this.acting !== null;
    this.acting = null;
    if (wasActing && this.session.claims) void this.#renew().catch((error: unknown) => this.fail(inWords(error)));
  }

  /** Read what the token says. */
  #read(): void {
    if (this.acting === null) this.scopes = this.session.claims?.scope?.split(" ").filter(Boolean) ?? [];
    this.#tell();
  }

  /** Ask for the e-mail address, which not every schema tells. */
  async #ask(subject: string): Promise<void> {
    const { data } = await this.session.execute<{ viewer: { email: string } | null }, object>("{ viewer { email } }").catch(() => ({ data: null }));
    if (data?.viewer?.email && this.session.claims?.sub === subject) this.name = data.viewer.email;
    this.#tell();
  }

  #tell(): void {
    this.#version += 1;
    for (const listener of this.#listeners) listener();
  }
}

/** Say in words why a sign-in or a request failed. */
export function inWords(error: unknown): string {
  if (error instanceof WatchwordError && error.code === "UNREACHABLE") return "The server cannot be reached.";
  return error instanceof Error ? error.message : String(error);
}
