import { Client, type ClientOptions, CombinedError, type Exchange, type Operation, type OperationResult, composeExchanges, fetchExchange, makeOperation, mapExchange, subscriptionExchange } from "@urql/core";
import { type Current, currentOf } from "./current.js";
import { WatchwordError } from "./errors.js";
import type { Live } from "./live.js";

// urql completes an event without data or errors by those of the event before, as if both were parts of one answer.
const NO_DATA = {};

/**
 * Make an urql client, `current`, and another one when the person changes: urql cannot empty its cache. `exchanges` come
 * before the one that sends, for example `[cacheExchange]`.
 */
export function urqlClients(live: Live, exchanges: Exchange[], options: Partial<ClientOptions> = {}): Current<Client> {
  const url = `${live.session.url}/graphql`;
  return currentOf(live.session, () => new Client({ ...options, url, preferGetMethod: false, exchanges: [...exchanges, watchwordExchange(live)] }));
}

/**
 * The last exchange of an urql client: queries and mutations with a fresh token, subscriptions on `live`. When events are
 * missed, the client's active queries are asked again.
 */
export function watchwordExchange(live: Live): Exchange {
  return (input) => {
    const queries = new Map<number, Operation>();
    const missed = (): void => {
      for (const each of queries.values()) {
        // The client ignores those that nobody shows any more.
        input.client.reexecuteOperation(makeOperation("query", each, { ...each.context, requestPolicy: "network-only" }));
      }
    };
    const signed = mapExchange({
      onOperation(operation) {
        if (operation.kind === "query") queries.set(operation.key, operation);
        const { session } = live;
        const context = { ...operation.context, url: `${session.url}/graphql`, fetch: session.fetch, preferGetMethod: false as const };
        return makeOperation(operation.kind, operation, context);
      },
      onResult: exact,
    });
    const following = subscriptionExchange({
      forwardSubscription: ({ query, documentId, variables, extensions }) => ({
        subscribe: (sink) => ({
          // An exchange of persisted queries takes the text away, and leaves the id by which the server knows it.
          unsubscribe: live.follow({ ...(query ? { query } : { documentId: documentId ?? `sha256:${extensions?.persistedQuery?.sha256Hash}` }), variables }, {
            next: ({ data, errors = [], extensions }) => sink.next({ data: data ?? NO_DATA, errors: errors as never, extensions }),
            error: (error) => sink.error(error),
            complete: () => sink.complete(),
            missed,
          }),
        }),
      }),
    });
    return composeExchanges([signed, following, fetchExchange])(input);
  };
}

/** Return a result with the data and errors of its own event, and with the GraphQL errors that ended a subscription as such. */
function exact(result: OperationResult): OperationResult {
  const { data, error } = result;
  return { ...result, data: data === NO_DATA ? null : data, error: error && errorOf(error) };
}

function errorOf(error: CombinedError): CombinedError | undefined {
  const { networkError, graphQLErrors } = error;
  if (networkError instanceof WatchwordError && networkError.errors.length > 0) return new CombinedError({ graphQLErrors: networkError.errors as never });
  return networkError || graphQLErrors.length > 0 ? error : undefined;
}
