import { Environment, Network, Observable, RecordSource, Store, type FetchFunction, type GraphQLResponse, type INetwork, type SubscribeFunction } from "relay-runtime";
import { type Current, currentOf } from "./current.js";
import { type Answer, WatchwordError, detailsOf, nonsense, unreachable } from "./errors.js";
import type { Live } from "./live.js";
import type { Session } from "./session.js";

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
  const fetchQuery: FetchFunction = async ({ id, text, name, operationKind }, variables) =>
    (await (text ? live.session.execute(text, variables) : persisted(live.session, operationKind, { documentId: needed(id, name), variables }))) as GraphQLResponse;
  const subscribe: SubscribeFunction = ({ id, text, name }, variables) =>
    Observable.create<GraphQLResponse>((sink) =>
      live.follow(text ? { query: text, variables } : { documentId: needed(id, name), variables }, {
        next: (answer) => sink.next(answer as GraphQLResponse),
        error: (error) => sink.error(error),
        complete: () => sink.complete(),
        missed: () => missed?.(),
      }),
    );
  return Network.create(fetchQuery, subscribe);
}

function needed(id: string | null | undefined, name: string): string {
  if (id) return id;
  throw new TypeError(`${name} has neither a text nor an id.`);
}

/** Send the id that Relay's compiler has given a document; the text is only in its manifest. */
async function persisted(session: Session, operationKind: string, request: object): Promise<Answer> {
  const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(request), operationKind };
  const response = await session.fetch(`${session.url}/graphql`, init).catch((error: unknown) => {
    throw error instanceof WatchwordError ? error : unreachable(error);
  });
  const answer = (await response.json().catch(() => null)) as Answer | null;
  if (answer && ("data" in answer || Array.isArray(answer.errors))) return answer;
  throw nonsense(`status ${response.status} from /graphql`, detailsOf(response, session.clock));
}
