/** The time and its timers, in milliseconds. A test passes its own. */
export interface Clock {
  now(): number;
  /** Call back after a delay. Returns a function that cancels it. */
  after(milliseconds: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after(milliseconds, callback) {
    // A timer of more than 2^31 milliseconds would end at once.
    const timer = setTimeout(callback, Math.min(milliseconds, 1e9));
    return () => clearTimeout(timer);
  },
};

/** Wait for a promise, and reject with `late()` if it takes longer. The promise itself goes on. */
export function within<T>(clock: Clock, milliseconds: number, work: Promise<T>, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(milliseconds, () => reject(late()));
    work.then(resolve, reject).finally(cancel);
  });
}

/** Milliseconds before the next attempt: doubled with each failure, 30 seconds at most, with jitter. */
export function backoff(failures: number): number {
  const most = Math.min(1_000 * 2 ** (failures - 1), 30_000);
  return most * (0.4 + 0.6 * Math.random());
}
