// Short sentences about what has just happened, which screen readers say too.
import { useEffect, useState } from "preact/hooks";

const SHOWN_MILLISECONDS = 6_000;
const MOST_SHOWN = 3;
let tell: (text: string) => void = () => {};

/** Say something to the person. */
export const say = (text: string): void => tell(text);

export function Toasts() {
  const [said, set] = useState<{ id: number; text: string }[]>([]);
  useEffect(() => {
    let last = 0;
    tell = (text) => {
      const id = ++last;
      set((before) => [...before, { id, text }].slice(-MOST_SHOWN));
      setTimeout(() => set((before) => before.filter((each) => each.id !== id)), SHOWN_MILLISECONDS);
    };
    return () => void (tell = () => {});
  }, []);
  return (
    <div class="toasts" role="status" aria-live="polite">
      {said.map(({ id, text }) => (
        <p key={id}>{text}</p>
      ))}
    </div>
  );
}
