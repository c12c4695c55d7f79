import { type Answer, WatchwordError } from "./errors.js";
import type { Observer } from "./subscription.js";

// Answers that may wait for a loop that is slower than they come.
const MOST = 1_000;

/**
 * Turn callbacks into an async iterable. Leaving the loop stops the subscription. With more than 1,000 answers waiting,
 * it stops too: the loop gets these, and then the error `TOO_SLOW`.
 */
export function iterate<Data>(
  start: (observer: Observer<Data>) => () => void,
  given: Pick<Observer<Data>, "missed">,
): AsyncIterableIterator<Answer<Data>> {
  const arrived: Answer<Data>[] = [];
  let over: { error?: WatchwordError } | null = null;
  let wake = (): void => {};
  let waiting: Promise<void> | null = null;
  // All that wait are woken: a loop may ask for several answers at once.
  const changed = (): Promise<void> => (waiting ??= new Promise((resolve) => (wake = () => ((waiting = null), resolve()))));
  const end = (how: { error?: WatchwordError }): void => {
    over ??= how;
    wake();
  };
  const stop = start({
    ...given,
    next: (answer) => {
      if (arrived.push(answer) < MOST) return wake();
      stop();
      end({ error: new WatchwordError("TOO_SLOW", `${MOST} answers wait for a loop that is too slow.`) });
    },
    error: (error) => end({ error }),
    complete: () => end({}),
  });
  const done = { done: true, value: undefined } as const;
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      while (arrived.length === 0 && !over) await changed();
      const value = arrived.shift();
      if (value) return { done: false, value };
      const { error } = over!;
      over = {};
      if (error) throw error;
      return done;
    },
    async return() {
      stop();
      arrived.length = 0;
      end({});
      return done;
    },
  };
}
