// Addresses of the room: /room and what is below it. A proxy may serve all of it below a path.
import { useEffect, useState } from "preact/hooks";

/** What this page's HTML says of the server. */
export const given: DOMStringMap = document.getElementById("room")?.dataset ?? {};
/** The root of the server. */
export const root = new URL(given.root ?? "./", location.href);
const base = new URL("room", root).pathname;

const listeners = new Set<() => void>();

/** The parts of the present address after /room. */
export const place = (): string[] =>
  location.pathname.slice(base.length).split("/").filter(Boolean).map(decoded);

/** Return the text of a part; a part that is no text in UTF-8 stays as it is, and names no place. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Return the address of a place in the room. */
export const href = (...parts: string[]): string => [base, ...parts.map(encodeURIComponent)].join("/");

/** Go to a place in the room without loading the page again. */
export function go(...parts: string[]): void {
  history.pushState(null, "", href(...parts));
  scrollTo(0, 0);
  for (const each of listeners) each();
}

/** Return the present place, and render again when it changes. */
export function usePlace(): string[] {
  const [now, set] = useState(place);
  useEffect(() => {
    const update = () => set(place());
    listeners.add(update);
    addEventListener("popstate", update);
    return () => {
      listeners.delete(update);
      removeEventListener("popstate", update);
    };
  }, []);
  return now;
}
