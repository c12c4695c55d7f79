// What TypeScript knows of documents with types; compiled with --strict, never run. Each @ts-expect-error must be an error.
import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { createLive, createSession } from "watchword-client";
import { createQueries } from "watchword-client/tanstack-query";
import type { QueryClient } from "@tanstack/query-core";

declare const Viewer: TypedDocumentNode<{ viewer: { name: string } | null }, Record<string, never>>;
declare const Incident: TypedDocumentNode<{ incident: { name: string } }, { id: string }>;
declare const Changed: TypedDocumentNode<{ changed: { kind: "OPENED" } }, { last?: number }>;
declare const queryClient: QueryClient;

const session = createSession({ url: "https://api.example.com" });
const live = createLive(session);

export async function check(): Promise<void> {
  const name: string | undefined = (await session.query(Viewer)).viewer?.name;
  const other: string = (await session.query(Incident, { id: "1" })).incident.name;
  // @ts-expect-error: the variable is missing
  await session.query(Incident);
  // @ts-expect-error: the variable is of another type
  await session.query(Incident, { id: 1 });
  // @ts-expect-error: there is no such field
  void (await session.query(Viewer)).nobody;
  const stop: () => void = live.subscribe(Changed, { last: 3 }, { next: ({ data }) => void data?.changed.kind });
  // @ts-expect-error: there is no such field
  live.subscribe(Changed, {}, { next: ({ data }) => void data?.changed.name });
  for await (const { data } of live.subscribe(Changed)) void (data?.changed.kind === "OPENED");
  const queries = createQueries(live, queryClient);
  const { queryFn } = queries.query(Incident, { id: "1" });
  const found: Promise<{ incident: { name: string } }> = queryFn({} as never);
  // Without types anything goes.
  const { anything } = await session.query("{ anything }", { a: 1 });
  void [name, other, stop, found, anything];
}
