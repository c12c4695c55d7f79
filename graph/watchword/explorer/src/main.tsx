// The explorer: GraphiQL, a bar to sign in, and a list of what is followed. Tokens are in memory only.
import { GraphiQL } from "graphiql";
import { useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { createRoot } from "react-dom/client";
import { Bar } from "./bar.js";
import { Events } from "./events.js";
import { fetcherOf } from "./fetcher.js";
import { Subscriptions } from "./followed.js";
import { LINKED, PLACE, WELCOME, linkTo, worker } from "./page.js";
import { Person } from "./session.js";
import { storage } from "./storage.js";
import "graphiql/style.css";
import "./explorer.css";

Object.assign(globalThis, { MonacoEnvironment: { getWorker: (_: string, label: string) => worker(label) } });

const person = new Person();
const subscriptions = new Subscriptions(person.live);
const fetcher = fetcherOf(person, subscriptions);

/** Wraps long lines, so that nothing is beyond the edge of an editor. */
function useWrapping(): void {
  const query = useGraphiQL((state) => state.queryEditor);
  const response = useGraphiQL((state) => state.responseEditor);
  useEffect(() => {
    for (const editor of [query, response]) editor?.updateOptions({ wordWrap: "on", wrappingIndent: "indent" });
  }, [query, response]);
}

/** Gives the editors the colours that the system has now; GraphiQL looks only when it begins. */
function useSystemColours(): void {
  const { setTheme } = useGraphiQLActions();
  const theme = useGraphiQL((state) => state.theme);
  useEffect(() => {
    const system = matchMedia("(prefers-color-scheme: dark)");
    const changed = (): void => setTheme(theme);
    if (theme === null) system.addEventListener("change", changed);
    return () => system.removeEventListener("change", changed);
  }, [setTheme, theme]);
}

/** Reads the schema again when somebody else asks, or with other roles or scopes: each may be told another part of it. */
function useOwnSchema(): void {
  const { introspect } = useGraphiQLActions();
  const reach = useSyncExternalStore(person.subscribe, person.reach);
  // GraphiQL reads it on its own when it begins.
  const read = useRef(reach);
  useEffect(() => {
    if (read.current !== reach) void introspect();
    read.current = reach;
  }, [introspect, reach]);
}

/** Copies a link to the operation in the editor. */
function CopyLink() {
  useWrapping();
  useSystemColours();
  useOwnSchema();
  const [isCopied, setCopied] = useState(false);
  const query = useGraphiQL((state) => state.queryEditor);
  const variables = useGraphiQL((state) => state.variableEditor);
  const operationName = useGraphiQL((state) => state.operationName);
  async function copy(): Promise<void> {
    const link = linkTo({ query: query?.getValue() ?? "", variables: variables?.getValue(), operationName });
    history.replaceState(null, "", link);
    await navigator.clipboard?.writeText(link).catch(() => {});
    setCopied(true);
    setTimeout(() => setCopied(false), 2_000);
  }
  return (
    <button type="button" className="graphiql-un-styled graphiql-toolbar-button copy-link" title="Copy a link to this operation" aria-label="Copy a link to this operation" onClick={() => void copy()}>
      <svg viewBox="0 0 24 24" className="graphiql-toolbar-icon" aria-hidden="true" fill="none" stroke="currentColor" strokeWidth="1.5">
        {isCopied ? <path d="M5 13l4 4L19 7" /> : <path d="M10 14a4 4 0 0 0 6 0l4-4a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-4 4a4 4 0 0 0 6 6l1-1" />}
      </svg>
    </button>
  );
}

function Explorer() {
  useSyncExternalStore(person.subscribe, person.version);
  return (
    <>
      <Bar person={person} />
      <GraphiQL
        fetcher={fetcher}
        storage={storage}
        defaultQuery={WELCOME}
        initialQuery={LINKED.query}
        initialVariables={LINKED.variables}
        operationName={LINKED.operationName}
        defaultEditorToolsVisibility="variables"
        shouldPersistHeaders={false}
        showPersistHeadersSettings={false}
      >
        <GraphiQL.Logo>Explorer</GraphiQL.Logo>
        <GraphiQL.Toolbar>
          {({ prettify, merge, copy }) => (
            <>
              {prettify}
              {merge}
              {copy}
              <CopyLink />
            </>
          )}
        </GraphiQL.Toolbar>
      </GraphiQL>
      <Events subscriptions={subscriptions} />
    </>
  );
}

createRoot(PLACE).render(<Explorer />);
