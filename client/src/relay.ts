import { Environment, Network, Observable, RecordSource, Store, type FetchFunction, type GraphQLResponse, type INetwork, type SubscribeFunction } from "relay-runtime";
import { type Current, currentOf } from "./current.js";
import type { Live } from "./live.js";

export interface RelayOptions {
  /** Events may be missing: fetch the queries of the page again. */
  missed?: () => void;
}

/**
 * Make a Relay environment, `current`, and another one when the person changes. When events are missed, its store is
 * invalidated: what is shown next is fetched, and `useSubscribeToInvalidationState` tells what is shown now.
 */
export function relayEnvironments(live: Live, make: (network: INetwork) => Environment = plain): Current<Environment> {
  return currentOf(live.session, () => {
    const missed = (): void => made.commitUpdate((store) => (store as unknown as { invalidateStore(): void }).invalidateStore());
    const made = make(watchwordNetwork(live, { missed }));
    return made;
  });
}

const plain = (network: INetwork): Environment => new Environment({ network, store: new Store(new RecordSource()) });

/** The network of a Relay environment: queries and mutations with a fresh token, subscriptions on `live`. */
export function watchwordNetwork(live: Live, { missed }: RelayOptions = {}): INetwork {
  const fetchQuery: FetchFunction = async ({ text, name }, variables) =>
    (await live.session.execute(needed(text, name), variables)) as GraphQLResponse;
  const subscribe: SubscribeFunction = ({ text, name }, variables) =>
    Observable.create<GraphQLResponse>((sink) =>
      live.follow({ query: needed(text, name), variables }, {
        next: (answer) => sink.next(answer as GraphQLResponse),
        error: (error) => sink.error(error),
        complete: () => sink.complete(),
        missed: () => missed?.(),
      }),
    );
  return Network.create(fetchQuery, subscribe);
}

function needed(text: string | null | undefined, name: string): string {
  if (text) return text;
  throw new Error(`The server takes documents, and ${name} was persisted: compile it without persistConfig.`);
}
