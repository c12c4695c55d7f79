// One adapter with its library, as a page uses it: it shows a query, and follows a public and a guarded subscription. The
// same in Chromium and in Node.js. `say(step, rest)` prints what the page is told.
import { ApolloClient, InMemoryCache, gql } from "@apollo/client";
import { QueryClient, QueryObserver } from "@tanstack/query-core";
import { cacheExchange } from "@urql/core";
import { createLive, createSession } from "watchword-client";
import { watchwordLink } from "watchword-client/apollo";
import { createDpop } from "watchword-client/dpop";
import { createClient } from "watchword-client/graphql-ws";
import { relayEnvironments } from "watchword-client/relay";
import { createQueries } from "watchword-client/tanstack-query";
import { urqlClients } from "watchword-client/urql";

// An anonymous caller gets an error beside the incidents.
const SHOWN = "query Shown { viewer { email } incidents(first: 50) { nodes { id name } } }";
const STREAMS = {
  public: "subscription Public { incidentsChanged(present: true) { kind incident { name } update { body } } }",
  guarded: "subscription Guarded { opened }",
};

// What ended a subscription: the first of its GraphQL errors, or that its socket was closed for good.
const endOf = (error) => error.errors?.[0]?.extensions ?? error;

// Each returns two functions: `show(query, next)`, which goes on after a change of the person and after missed events, and
// `follow(query, observer)`.
const ADAPTERS = {
  apollo(live) {
    const client = new ApolloClient({ cache: new InMemoryCache(), link: watchwordLink(live) });
    return {
      show: (query, next) => client.watchQuery({ query: gql(query), errorPolicy: "all" }).subscribe(({ data, loading }) => data && !loading && next(data)),
      follow: (query, observer) => client.subscribe({ query: gql(query) }).subscribe({
        next: ({ data, error }) => (error ? observer.error(endOf(error)) : observer.next(data)),
        complete: observer.complete,
      }),
    };
  },
  urql(live) {
    const clients = urqlClients(live, [cacheExchange]);
    return {
      show(query, next) {
        const start = () => clients.current.query(query, {}).subscribe(({ data }) => data && next(data));
        let shown = start();
        clients.subscribe(() => (shown.unsubscribe(), (shown = start())));
      },
      follow: (query, observer) => clients.current.subscription(query, {}).subscribe(({ data, error }) => {
        if (error) observer.error(endOf(error.networkError ?? { errors: error.graphQLErrors }));
        else observer.next(data);
      }),
    };
  },
  // What the compiler makes of a document is a text and a kind; the rest of it is for the store.
  relay(live) {
    const environments = relayEnvironments(live);
    const run = (operationKind, text) => environments.current.getNetwork().execute({ operationKind, text, name: "Any", id: null, metadata: {} }, {}, {});
    return {
      show(query, next) {
        const ask = () => run("query", query).subscribe({ next: ({ data }) => next(data) });
        const start = () => {
          const store = environments.current.getStore();
          store.subscribeToInvalidationState(store.lookupInvalidationState(["client:root"]), ask);
          ask();
        };
        start();
        environments.subscribe(start);
      },
      follow: (query, observer) => run("subscription", query).subscribe({
        next: ({ data }) => observer.next(data),
        error: (error) => observer.error(endOf(error)),
        complete: observer.complete,
      }),
    };
  },
  "graphql-ws"(live) {
    const client = createClient(live);
    let ask = () => {};
    const follow = (query, observer) => client.subscribe({ query }, {
      next: ({ data }) => observer.next(data),
      // A sink has no other way to hear that events are missing: the page asks and subscribes again.
      error(error) {
        const end = endOf(Array.isArray(error) ? { errors: error } : error);
        if (end.code === "CURSOR_EXPIRED") follow(query, observer), ask();
        else observer.error(end);
      },
      complete: observer.complete,
    });
    return {
      show(query, next) {
        ask = () => client.subscribe({ query }, { next: ({ data }) => next(data), error: console.error, complete() {} });
        live.session.on("changed", ask);
        ask();
      },
      follow,
    };
  },
  "tanstack-query"(live) {
    const client = new QueryClient(), queries = createQueries(live, client);
    client.mount();
    return {
      show(query, next) {
        new QueryObserver(client, queries.query(query)).subscribe(({ data, error, isFetching }) => {
          if (!isFetching && (data || error)) next(data ?? error.data);
        });
      },
      follow: (query, observer) => queries.follow(query, {}, { ...observer, next: ({ data }) => observer.next(data) }),
    };
  },
};

/** A clock that goes on by itself, and that a test puts forward. */
class Clock {
  #ahead = 0;
  #timers = new Set();
  now = () => Date.now() + this.#ahead;
  after = (milliseconds, callback) => {
    const timer = { at: this.now() + milliseconds, callback };
    this.#start(timer);
    return () => this.#stop(timer);
  };
  pass(milliseconds) {
    this.#ahead += milliseconds;
    const timers = [...this.#timers].sort((one, other) => one.at - other.at);
    timers.forEach((each) => this.#stop(each));
    timers.forEach((each) => this.#start(each));
  }
  #start(timer) {
    this.#timers.add(timer);
    timer.handle = setTimeout(() => (this.#timers.delete(timer), timer.callback()), Math.max(0, timer.at - this.now()));
  }
  #stop(timer) {
    clearTimeout(timer.handle);
    this.#timers.delete(timer);
  }
}

/** The network below a session. When it is cut, there is no message, and no close code from the server. */
function network() {
  const cuts = new Set();
  class CutSocket extends WebSocket {
    constructor(...given) {
      super(...given);
      cuts.add(() => this.close());
    }
  }
  return {
    webSocket: CutSocket,
    async fetch(...given) {
      const response = await fetch(...given);
      if (!response.headers.get("content-type")?.startsWith("text/event-stream")) return response;
      const stream = new AbortController();
      cuts.add(() => stream.abort());
      return new Response(response.body.pipeThrough(new TransformStream(), { signal: stream.signal }), response);
    },
    cut() {
      for (const each of cuts) each();
      cuts.clear();
    },
  };
}

/** Return what a test tells a page with one adapter to do. Options: url, kind, email, password, transport; for tokens
 * that are bound to a key, `dpop`: the issuer, and the time (Unix seconds) at which the server's clock stands. */
export function follower(say, { url, kind, email, password, transport, dpop }) {
  const { webSocket, fetch, cut } = network(), clock = new Clock();
  const session = createSession({ url, clock, fetch, dpop: dpop && createDpop({ issuer: dpop.issuer, now: () => dpop.now * 1_000 }), onStepUp: () => ({ password }) });
  const live = createLive(session, { webSocket, transport });
  const follow = live.follow.bind(live);
  live.follow = (request, observer) => follow(request, { ...observer, started: () => (observer.started?.(), say("position")) });
  const adapter = ADAPTERS[kind](live);
  for (const name of ["signedIn", "signedOut"]) session.on(name, () => say(name));
  for (const name of ["connected", "renewed", "closed", "waiting"]) live.on(name, (given) => say(name, given));
  session.ready.then(() => say("ready"));
  return {
    signIn: () => session.signIn({ email, password }),
    show: () => adapter.show(SHOWN, ({ viewer, incidents }) => say("shown", { email: viewer?.email ?? null, names: incidents.nodes.map(({ name }) => name) })),
    follow({ stream }) {
      let hasFailed = false;
      adapter.follow(STREAMS[stream], {
        next: (data) => say("next", { stream, data }),
        error: ({ code }) => (say("ended", { stream, code }), (hasFailed = true)),
        // Some libraries complete what has failed.
        complete: () => hasFailed || say("ended", { stream, code: "complete" }),
      });
    },
    cut,
    pass: ({ milliseconds }) => clock.pass(milliseconds),
    signOut: () => session.signOut(),
    ask: ({ query }) => session.query(query),
    state: () => say("done"),
    close: () => (live.close(), session.close()),
  };
}
