import type { Answer, WatchwordError } from "./errors.js";
import type { Observer } from "./subscription.js";

/** Turn callbacks into an async iterable. Leaving the loop stops the subscription. */
export function iterate<Data>(
  start: (observer: Observer<Data>) => () => void,
  given: Pick<Observer<Data>, "missed">,
): AsyncIterableIterator<Answer<Data>> {
  const arrived: Answer<Data>[] = [];
  let over: { error?: WatchwordError } | null = null;
  let wake = (): void => {};
  const end = (how: { error?: WatchwordError }): void => {
    over ??= how;
    wake();
  };
  const stop = start({
    ...given,
    next: (answer) => (arrived.push(answer), wake()),
    error: (error) => end({ error }),
    complete: () => end({}),
  });
  const done = { done: true, value: undefined } as const;
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      while (arrived.length === 0 && !over) await new Promise<void>((resolve) => (wake = resolve));
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
