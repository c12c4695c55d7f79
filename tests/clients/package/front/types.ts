// What TypeScript knows of documents that GraphQL Code Generator and Relay's compiler have typed; compiled with --strict,
// never run. Each @ts-expect-error must be an error.
import { ApolloClient, InMemoryCache } from "@apollo/client";
import type { QueryClient } from "@tanstack/query-core";
import { fetchQuery, requestSubscription } from "relay-runtime";
import { createLive, createSession } from "watchword-client";
import { watchwordLink } from "watchword-client/apollo";
import { createClient } from "watchword-client/graphql-ws";
import { relayEnvironments } from "watchword-client/relay";
import { createQueries } from "watchword-client/tanstack-query";
import { urqlClients } from "watchword-client/urql";
import relayChanged, { type relayChangedSubscription } from "./__generated__/relayChangedSubscription.graphql.js";
import relayViewer, { type relayViewerQuery } from "./__generated__/relayViewerQuery.graphql.js";
import { ChangedDocument as Changed, OpenDocument as Open, ViewerDocument as Viewer, type ChangedSubscription } from "./nodes/graphql.js";
import { ChangedDocument as ChangedText, OpenDocument as OpenText, ViewerDocument as ViewerText } from "./texts/graphql.js";

declare const queryClient: QueryClient;

const session = createSession({ url: "https://api.example.com" });
const live = createLive(session);
const input = { name: "Slow", body: "Here." };
const use = (..._given: (string | null | undefined)[]): void => {};

export async function asked(): Promise<void> {
  use((await session.query(Viewer)).viewer?.email, (await session.query(Open, { input })).openIncident?.name);
  use((await session.query(ViewerText)).viewer?.email, (await session.query(OpenText, { input })).openIncident?.name);
  use((await session.execute(Open, { input })).data?.openIncident?.id);
  // @ts-expect-error: the variable is missing
  await session.query(Open);
  // @ts-expect-error: a member of the variable is missing
  await session.query(Open, { input: { name: "Slow" } });
  // @ts-expect-error: a member of the variable is of another type
  await session.query(OpenText, { input: { ...input, impact: "HUGE" } });
  // @ts-expect-error: there is no such variable
  await session.query(Viewer, { first: 1 });
  // @ts-expect-error: the document does not ask for this field
  use((await session.query(Viewer)).viewer?.name);
  // @ts-expect-error: the document does not ask for this field
  use((await session.query(OpenText, { input })).openIncident?.nobody);
  // Without types anything goes.
  use((await session.query("{ anything }", { a: 1 })).anything);
}

export async function followed(): Promise<void> {
  const stop: () => void = live.subscribe(Changed, { present: false }, { next: ({ data }) => use(data?.incidentsChanged.incident?.name) });
  live.subscribe(ChangedText, {}, { next: ({ data }) => use(data?.incidentsChanged.kind) });
  for await (const { data } of live.subscribe(Changed)) use(data?.incidentsChanged.incident?.impact);
  // @ts-expect-error: the variable is of another type
  live.subscribe(Changed, { present: "no" }, { next() {} });
  // @ts-expect-error: the document does not ask for this field
  live.subscribe(ChangedText, {}, { next: ({ data }) => use(data?.incidentsChanged.nobody) });
  // @ts-expect-error: the document does not ask for this field
  for await (const { data } of live.subscribe(Changed)) use(data?.nobody);
  stop();
}

export async function apollo(): Promise<void> {
  const client = new ApolloClient({ cache: new InMemoryCache(), link: watchwordLink(live) });
  use((await client.query({ query: Viewer })).data?.viewer?.email);
  client.subscribe({ query: Changed }).subscribe(({ data }) => use(data?.incidentsChanged.incident?.name));
  await client.mutate({ mutation: Open, variables: { input } });
  // @ts-expect-error: a member of the variable is missing
  await client.mutate({ mutation: Open, variables: { input: { name: "Slow" } } });
  // @ts-expect-error: the document does not ask for this field
  client.subscribe({ query: Changed }).subscribe(({ data }) => use(data?.nobody));
}

export async function urql(): Promise<void> {
  const { current: client } = urqlClients(live, []);
  use((await client.query(Viewer, {})).data?.viewer?.email);
  client.subscription(Changed, {}).subscribe(({ data }) => use(data?.incidentsChanged.incident?.name));
  await client.mutation(Open, { input });
  // @ts-expect-error: a member of the variable is missing
  await client.mutation(Open, { input: { name: "Slow" } });
  // @ts-expect-error: the document does not ask for this field
  client.subscription(Changed, {}).subscribe(({ data }) => use(data?.nobody));
}

export async function tanstackQuery(): Promise<void> {
  const queries = createQueries(live, queryClient);
  use((await queryClient.fetchQuery(queries.query(Viewer))).viewer?.email);
  queries.follow(Changed, {}, { next: ({ data }) => use(data?.incidentsChanged.incident?.name) });
  // @ts-expect-error: the variable is missing
  queries.query(Open);
  // @ts-expect-error: the variable is of another type
  queries.follow(Changed, { present: "no" });
  // @ts-expect-error: the document does not ask for this field
  use((await queryClient.fetchQuery(queries.query(Viewer))).nobody);
  // @ts-expect-error: the document does not ask for this field
  queries.follow(Changed, {}, { next: ({ data }) => use(data?.nobody) });
}

// graphql-ws takes texts, and is told the types of their data.
export function graphqlWs(): void {
  const client = createClient(live);
  const sink = { error() {}, complete() {} };
  client.subscribe<ChangedSubscription>({ query: String(ChangedText) }, { ...sink, next: ({ data }) => use(data?.incidentsChanged.kind) });
  // @ts-expect-error: the document does not ask for this field
  client.subscribe<ChangedSubscription>({ query: String(ChangedText) }, { ...sink, next: ({ data }) => use(data?.nobody) });
}

export async function relay(): Promise<void> {
  const { current: environment } = relayEnvironments(live);
  use((await fetchQuery<relayViewerQuery>(environment, relayViewer, {}).toPromise())?.viewer?.email);
  requestSubscription<relayChangedSubscription>(environment, { subscription: relayChanged, variables: { present: true }, onNext: (data) => use(data?.incidentsChanged.incident?.name) });
  // @ts-expect-error: the variable is missing
  requestSubscription<relayChangedSubscription>(environment, { subscription: relayChanged, variables: {} });
  // @ts-expect-error: the document does not ask for this field
  use((await fetchQuery<relayViewerQuery>(environment, relayViewer, {}).toPromise())?.nobody);
}
