// Hooks that ask the server: once, or again with each event of a subscription.
import { WatchwordError } from "watchword-client";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { NAME } from "./documents";
import { live, session } from "./session";

type Variables = Record<string, unknown>;

export interface Loaded<Data> {
  data: Data | null;
  /** Why it could not be loaded, in words for the person. */
  error: string | null;
  reload: () => Promise<void>;
}

/** Return what an error says, in words for the person. */
export function saying(error: unknown): string {
  if (error instanceof WatchwordError && error.code === "UNREACHABLE") return "The server cannot be reached just now.";
  return error instanceof Error ? error.message : String(error);
}

/** Return the code of an error of the server; "" for any other. */
export const codeOf = (error: unknown): string => (error instanceof WatchwordError ? error.code : "");

/** Load something now, and again for another key. Answers that were overtaken by a newer question are dropped. */
function useLoaded<Data>(key: string, load: () => Promise<Data>): Loaded<Data> {
  const [state, set] = useState<{ data: Data | null; error: string | null }>({ data: null, error: null });
  const number = useRef(0);
  const reload = useCallback(async () => {
    const mine = ++number.current;
    try {
      const data = await load();
      if (mine === number.current) set({ data, error: null });
    } catch (error) {
      if (mine === number.current) set(({ data }) => ({ data, error: saying(error) }));
    }
  }, [key]);
  useEffect(() => {
    void reload();
    return () => void (number.current += 1);
  }, [reload]);
  return { ...state, reload };
}

/** Load the answer to a query. */
export function useQuery<Data>(document: string, variables: Variables = {}): Loaded<Data> {
  return useLoaded(`${document} ${JSON.stringify(variables)}`, () => session.query<Data, Variables>(document, variables));
}

/** A page of a list (GraphQL Cursor Connections Specification). */
export interface Page<Node> {
  totalCount: number;
  nodes: Node[];
  pageInfo: { hasNextPage: boolean; endCursor: string | null };
}

/** A list of which some pages are loaded. */
export interface Paged<Data, Node> extends Loaded<Data> {
  /** The entries of all pages that are loaded. `data` is the first page's answer. */
  nodes: Node[];
  totalCount: number;
  /** Load another page; null if there is none. */
  more: (() => void) | null;
}

/**
 * Load a list page by page. The document takes `$after`, and `pageOf` finds the page in its data. Loading again loads
 * all pages that are shown, one after the other, because each begins where the last one ended.
 */
export function usePaged<Data, Node>(document: string, variables: Variables, pageOf: (data: Data) => Page<Node>): Paged<Data, Node> {
  const [count, setCount] = useState(1);
  const { data: answers, ...rest } = useLoaded(`${count} ${document} ${JSON.stringify(variables)}`, async () => {
    const found: Data[] = [];
    for (let after: string | null = null; found.length < count; ) {
      const data: Data = await session.query<Data, Variables>(document, { ...variables, after });
      found.push(data);
      const { hasNextPage, endCursor } = pageOf(data).pageInfo;
      if (!hasNextPage) break;
      after = endCursor;
    }
    return found;
  });
  const pages = answers?.map(pageOf) ?? [], last = pages.at(-1);
  return {
    ...rest,
    data: answers?.[0] ?? null,
    nodes: pages.flatMap(({ nodes }) => nodes),
    totalCount: last?.totalCount ?? 0,
    more: last?.pageInfo.hasNextPage ? () => setCount(pages.length + 1) : null,
  };
}

/** Call `heard` with each event of a subscription, and `begun` whenever events may have been missed. */
export function useLive<Data>(
  document: string | null,
  variables: Variables,
  heard: (data: Data) => void,
  begun: () => void = () => {},
): string | null {
  const [error, setError] = useState<string | null>(null);
  const call = useRef({ heard, begun });
  call.current = { heard, begun };
  const key = JSON.stringify(variables);
  useEffect(() => {
    if (document === null) return;
    setError(null);
    return live.subscribe<Data, Variables>(document, JSON.parse(key), {
      next: ({ data }) => data && call.current.heard(data),
      error: (why) => setError(saying(why)),
      started: () => call.current.begun(),
      missed: () => call.current.begun(),
    });
  }, [document, key]);
  return error;
}

export interface Action {
  isBusy: boolean;
  error: string | null;
  /** Run a mutation. Returns its data, or null if it failed; then `error` says why. */
  run: <Data>(document: string, variables: Variables) => Promise<Data | null>;
  clear: () => void;
}

/** Run mutations one at a time. `conflict` is called instead of showing an error if somebody was faster. */
export function useAction(conflict?: () => void): Action {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const run = async <Data,>(document: string, variables: Variables): Promise<Data | null> => {
    setBusy(true);
    setError(null);
    try {
      return await session.query<Data, Variables>(document, variables);
    } catch (why) {
      if (conflict && codeOf(why) === "CONFLICT") conflict();
      else setError(codeOf(why) === "STEP_UP_REQUIRED" ? "This needs a recent sign-in. Nothing was changed." : saying(why));
      return null;
    } finally {
      setBusy(false);
    }
  };
  return { isBusy, error, run, clear: () => setError(null) };
}


/** Return the names of members, by their ids; those that cannot be found are missing. */
export function useNames(ids: string[]): Map<string, string> {
  const [names, set] = useState(new Map<string, string>());
  const asked = useRef(new Set<string>());
  useEffect(() => {
    for (const id of ids) {
      if (asked.current.has(id)) continue;
      asked.current.add(id);
      session.query<{ node: { name?: string } }, Variables>(NAME, { id }).then(
        ({ node: { name } }) => name !== undefined && set((before) => new Map([...before, [id, name]])),
        // It is shown by its id.
        () => {},
      );
    }
  }, [ids.join()]);
  return names;
}
