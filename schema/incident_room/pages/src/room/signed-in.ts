// Who is signed in, over sign-ins in other tabs, answers that come late and a server that is away.
import { useEffect, useState } from "preact/hooks";
import { session } from "./session";
import { VIEWER } from "./documents";
import type { Viewer } from "./viewer";

/** Why nobody is signed in here, although the browser still holds the cookie of a session. */
export const UNTOLD = "The server could not be told that you sign out. After a reload you would be signed in again.";

// Milliseconds between attempts to load the person.
const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 30_000;

export interface SignedIn {
  /** The person; undefined while that is not known, null if nobody is signed in. */
  viewer: Viewer | null | undefined;
  reason: string | null;
  signOut: () => void;
}

const isAnonymous = (): boolean => session.state === "anonymous";

/** Return who is signed in, and render again when that changes. */
export function useSignedIn(): SignedIn {
  const [viewer, setViewer] = useState<Viewer | null | undefined>(undefined);
  const [reason, setReason] = useState<string | null>(null);
  useEffect(() => following(setViewer), []);
  useEffect(() => {
    const forget = [
      session.on("signedIn", () => setReason(null)),
      session.on("signedOut", () => setReason("You are signed out.")),
      session.on("expired", () => setReason("Your session has ended. Sign in again.")),
    ];
    return () => forget.forEach((each) => each());
  }, []);
  const signOut = () =>
    void session.signOut().then(
      () => isAnonymous() && setReason("You are signed out."),
      () => isAnonymous() && setReason(UNTOLD),
    );
  return { viewer, reason, signOut };
}

type SetViewer = (change: (before: Viewer | null | undefined) => Viewer | null | undefined) => void;

/** Load the person now, and again whenever the session or its token is another. Returns what stops that. */
function following(setViewer: SetViewer): () => void {
  let newest = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const load = async (pause: number) => {
    const mine = ++newest;
    clearTimeout(timer);
    setViewer(ofSession);
    await session.ready;
    const found = isAnonymous() ? null : await loaded();
    if (mine !== newest) return;
    if (found === undefined) timer = setTimeout(() => void load(Math.min(2 * pause, LONGEST_PAUSE)), pause);
    else setViewer(() => found);
  };
  const again = () => void load(FIRST_PAUSE);
  again();
  // A renewed token may have other roles.
  const forget = [session.on("token", again), session.on("changed", again)];
  return () => {
    newest += 1;
    clearTimeout(timer);
    forget.forEach((each) => each());
  };
}

/** Keep a person who is still the one of the session, and nobody else. */
function ofSession(viewer: Viewer | null | undefined): Viewer | null | undefined {
  if (isAnonymous()) return null;
  return viewer?.id === session.claims?.sub ? viewer : undefined;
}

/** Return the person of the session; null if nobody is signed in any more, undefined if it has to be tried again. */
async function loaded(): Promise<Viewer | null | undefined> {
  try {
    const { viewer } = await session.query<{ viewer: Viewer | null }, Record<string, never>>(VIEWER, {});
    return ofSession(viewer);
  } catch {
    return ofSession(undefined);
  }
}
