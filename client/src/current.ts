import type { Session } from "./session.js";

/** A value that is made anew for each person, so that nobody sees what another one has fetched. */
export interface Current<Value> {
  readonly current: Value;
  /** Call back when there is another one. React: `useSyncExternalStore(made.subscribe, () => made.current)`. */
  subscribe(listener: () => void): () => void;
}

export function currentOf<Value>(session: Session, make: () => Value): Current<Value> {
  let current = make();
  const listeners = new Set<() => void>();
  session.on("changed", () => {
    current = make();
    for (const each of [...listeners]) each();
  });
  return {
    get current() {
      return current;
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
