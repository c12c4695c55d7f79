// Hooks that ask the server: once, or again with each event of a subscription.
import { WatchwordError } from "watchword-client";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
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

/** Load the answer to a query. Answers that were overtaken by a newer question are dropped. */
export function useQuery<Data>(document: string, variables: Variables = {}): Loaded<Data> {
  const [state, set] = useState<{ data: Data | null; error: string | null }>({ data: null, error: null });
  const number = useRef(0);
  const key = JSON.stringify(variables);
  const reload = useCallback(async () => {
    const mine = ++number.current;
    try {
      const data = await session.query<Data, Variables>(document, JSON.parse(key));
      if (mine === number.current) set({ data, error: null });
    } catch (error) {
      if (mine === number.current) set(({ data }) => ({ data, error: saying(error) }));
    }
  }, [document, key]);
  useEffect(() => {
    void reload();
    return () => void (number.current += 1);
  }, [reload]);
  return { ...state, reload };
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

/** Load a query, and load it again with each event of a subscription, which takes no variables. */
export function useLiveQuery<Data>(document: string, variables: Variables, events: string): Loaded<Data> {
  const loaded = useQuery<Data>(document, variables);
  const again = () => void loaded.reload();
  useLive(events, {}, again, again);
  return loaded;
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
