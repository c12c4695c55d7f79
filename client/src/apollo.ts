import { type ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, Observable } from "@apollo/client";
import { textOf } from "./document.js";
import type { WatchwordError } from "./errors.js";
import type { Live } from "./live.js";

/**
 * The last link of an Apollo Client: queries and mutations with a fresh token, subscriptions on `live`. When the person
 * changes, the client's cache is emptied and its queries are asked again; the same queries are when events are missed.
 */
export function watchwordLink(live: Live): ApolloLink {
  const { session } = live, clients = new Set<ApolloClient>();
  session.on("changed", () => {
    // Another person must not see what this one has fetched.
    for (const client of clients) client.resetStore().catch(() => {});
  });
  const http = new HttpLink({ uri: `${session.url}/graphql`, fetch: session.fetch as typeof fetch });
  const noted = new ApolloLink((operation, forward) => {
    clients.add(operation.client);
    return forward(operation);
  });
  const isSubscription = ({ operationType }: ApolloLink.Operation): boolean => String(operationType) === "subscription";
  return noted.concat(ApolloLink.split(isSubscription, liveLink(live), http));
}

function liveLink(live: Live): ApolloLink {
  return new ApolloLink((operation) => {
    const { variables, operationName, client } = operation;
    const request = { ...named(operation), variables, operationName };
    return new Observable<ApolloLink.Result>((observer) =>
      live.follow(request, {
        next: (answer) => observer.next(answer as ApolloLink.Result),
        error: (error) => observer.error(combined(error)),
        complete: () => observer.complete(),
        missed: () => void client.refetchQueries({ include: "active" }),
      }),
    );
  });
}

/** A link of persisted queries before this one says by what id the server knows the document, and whether to send its text. */
function named({ query, extensions, getContext }: ApolloLink.Operation): { query: string } | { documentId: string } {
  const hash: unknown = extensions["persistedQuery"]?.sha256Hash;
  return hash && getContext()["http"]?.includeQuery === false ? { documentId: `sha256:${hash}` } : { query: textOf(query) };
}

/** Apollo Client tells GraphQL errors from others by their class. */
function combined(error: WatchwordError): Error {
  const { errors } = error;
  return errors.length > 0 ? new CombinedGraphQLErrors({ errors: errors as never }) : error;
}
