// Short sentences about what has just happened, which screen readers say too.
import { useEffect, useState } from "preact/hooks";

const SHOWN_MILLISECONDS = 6_000;
const MOST_SHOWN = 3;

let said: { id: number; text: string }[] = [];
let last = 0;
const listeners = new Set<() => void>();

/** Say something to the person. */
export function say(text: string): void {
  const id = ++last;
  set([...said, { id, text }].slice(-MOST_SHOWN));
  setTimeout(() => set(said.filter((each) => each.id !== id)), SHOWN_MILLISECONDS);
}

function set(now: typeof said): void {
  said = now;
  for (const each of listeners) each();
}

/** Where it is said. A modal dialog has its own: a screen reader hears nothing of what is outside. */
export function Toasts() {
  const [, render] = useState({});
  useEffect(() => {
    const again = () => render({});
    listeners.add(again);
    return () => void listeners.delete(again);
  }, []);
  return (
    <div class="toasts" role="status" aria-live="polite">
      {said.map(({ id, text }) => (
        <p key={id}>{text}</p>
      ))}
    </div>
  );
}
