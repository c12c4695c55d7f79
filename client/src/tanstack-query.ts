import type { QueryClient, QueryFunctionContext, QueryKey } from "@tanstack/query-core";
import { type Document, type VariablesOf, textOf } from "./document.js";
import type { Answer } from "./errors.js";
import type { Live, Observer } from "./live.js";

// Errors after which the same request may succeed.
const PASSING = new Set(["UNREACHABLE", "NONSENSE", "UNAVAILABLE", "RATE_LIMITED", "TIMEOUT", "INTERNAL"]);

/** The options of a query, for `useQuery` and `QueryClient.fetchQuery`. */
export interface QueryOptions<Data> {
  queryKey: QueryKey;
  queryFn: (context: QueryFunctionContext) => Promise<Data>;
  retry: (failures: number, error: Error) => boolean;
}

/** What `follow` does with each event; without `next`, every query is asked again. */
export interface FollowOptions<Data> {
  next?: (answer: Answer<Data>, client: QueryClient) => void;
  error?: Observer<Data>["error"];
}

export interface Queries {
  /** Return the options of a query: its key, its function, and when to try again. */
  query<Data = any, Variables = any>(document: Document<Data, Variables>, ...rest: VariablesOf<Variables>): QueryOptions<Data>;
  /** Follow a subscription into the cache. Returns a function that stops it. */
  follow<Data = any, Variables = any>(document: Document<Data, Variables>, variables: Variables, options?: FollowOptions<Data>): () => void;
}

/**
 * Connect a TanStack Query client to a server. When the person changes, all queries are reset; when events are missed,
 * they are asked again.
 */
export function createQueries(live: Live, client: QueryClient): Queries {
  live.session.on("changed", () => {
    // Another person must not see what this one has fetched.
    client.getMutationCache().clear();
    void client.resetQueries();
  });
  return {
    query: (document, ...[variables]) => ({
      queryKey: [textOf(document), variables ?? {}],
      queryFn: ({ signal }) => live.session.query(document as Document<never, object>, variables as object, { signal }),
      retry: (failures, error) => failures < 3 && PASSING.has((error as { code?: string }).code ?? ""),
    }),
    follow: (document, variables, { next, error } = {}) =>
      live.subscribe(document, variables, {
        next: (answer) => (next ? next(answer, client) : void client.invalidateQueries()),
        missed: () => void client.invalidateQueries(),
        ...(error && { error }),
      }),
  };
}
