import type { Client, ExecutionResult, Sink, SubscribePayload } from "graphql-ws";
import { operationOf } from "./operation-text.js";
import { iterate } from "./iterate.js";
import type { Answer } from "./errors.js";
import type { Live, Observer } from "./live.js";

/**
 * A client with the interface of graphql-ws, for code that takes one. It stays signed in and resumes. Queries and
 * mutations go over HTTP. The sink gets GraphQL errors as a list, and an `Error` if the socket was closed for good. A
 * sink has no other way to hear that events may be missing: then the subscription ends with `CURSOR_EXPIRED`.
 */
export function createClient(live: Live): Client {
  const start = (payload: SubscribePayload, observer: Observer<never>): (() => void) =>
    operationOf(payload.query, payload.operationName)?.type === "subscription" ? follow(live, payload, observer) : ask(live, payload, observer);
  const subscribe = (payload: SubscribePayload, sink: Sink<never>): (() => void) => {
    let isOver = false;
    const end = (finish: () => void): void => {
      if (!isOver) finish();
      isOver = true;
    };
    const stop = start(payload, {
      next: (answer) => isOver || sink.next(answer as never),
      error: (error) => end(() => sink.error(error.errors.length > 0 ? error.errors : error)),
      complete: () => end(() => sink.complete()),
    });
    // graphql-ws completes the sink of what is stopped.
    return () => (stop(), end(() => sink.complete()));
  };
  return {
    subscribe: subscribe as Client["subscribe"],
    iterate: ((payload: SubscribePayload) => iterate((observer) => start(payload, observer as Observer<never>), {})) as unknown as Client["iterate"],
    on: (event, listener) => listening(live, event, listener as (...given: unknown[]) => void),
    terminate: () => live.reconnect(),
    dispose: () => live.close(),
  };
}

function follow(live: Live, { query, variables, operationName, ...rest }: SubscribePayload, observer: Observer<never>): () => void {
  const request = { ...rest, query, variables: variables ?? undefined, operationName: operationName ?? undefined };
  const stop: () => void = live.follow(request, { ...observer, missed: (error) => (stop(), observer.error?.(error)) });
  return stop;
}

function ask(live: Live, { query, variables, operationName }: SubscribePayload, observer: Observer<never>): () => void {
  const stopped = new AbortController();
  const options = { signal: stopped.signal, ...(operationName && { operationName }) };
  live.session.execute<ExecutionResult, Record<string, unknown>>(query, variables ?? {}, options).then(
    (answer) => (observer.next(answer as Answer<never>), observer.complete?.()),
    (error) => stopped.signal.aborted || observer.error?.(error),
  );
  return () => stopped.abort();
}

function listening(live: Live, event: string, listener: (...given: unknown[]) => void): () => void {
  switch (event) {
    case "connecting":
      return live.on("connecting", () => listener(false));
    case "connected":
      return live.on("connected", (terms) => listener(null, terms, false));
    case "closed":
      return live.on("closed", listener);
    default:
      return () => {};
  }
}
