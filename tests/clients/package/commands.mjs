// What a test tells a page to do, with watchword-client and nothing else. The same in Chromium and in Node.js.

/** Speeds up what the package waits for. */
export const hurried = (factor) => ({
  now: () => Date.now(),
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds / factor);
    return () => clearTimeout(timer);
  },
});

/** Return the commands of a page. `say(step, rest)` prints what happens. */
export function page({ createSession, createLive }, say, { url, factor = 100, timeout = 10_000, live: given, ...options }) {
  const clock = hurried(factor);
  // What the server has to do in time takes as long as it takes here.
  const patience = timeout * factor;
  const session = createSession({ url, clock, timeout: patience, ...options });
  const live = createLive(session, { timeout: patience, heartbeat: patience, ...given });
  for (const name of ["signedIn", "signedOut", "expired", "changed", "mustStepUp"]) {
    session.on(name, (value) => say(name, { value: value?.sub ?? value ?? null }));
  }
  live.on("connected", (terms) => say("connected", terms));
  live.on("closed", (closing) => say("closed", closing));
  live.on("renewed", (terms) => say("renewed", terms));
  live.on("waiting", (waiting) => say("waiting", waiting));
  const tell = (error) => ({ code: error.code, message: error.message });
  const tried = (work) => work.catch((error) => say("refused", { error: tell(error) }));
  const stops = [];
  session.ready.then((state) => say("ready", { state }));
  return {
    session,
    live,
    follow: ({ query, variables }) => {
      stops.push(live.subscribe(query, variables, {
        next: ({ data, errors, extensions }) => say("next", { data, errors, cursor: extensions?.cursor }),
        error: (error) => say("failed", { error: tell(error) }),
        missed: (error) => say("missed", { error: tell(error) }),
        complete: () => say("complete"),
        started: () => say("started"),
      }));
    },
    stop: () => stops.splice(0).forEach((each) => each()),
    signIn: (credentials) => tried(session.signIn(credentials)),
    ask: ({ query, variables }) => tried(session.execute(query, variables).then((answer) => say("answer", answer))),
    signOut: () => tried(session.signOut()),
    refresh: () => tried(session.refresh()),
    stepUp: (credentials) => tried(session.stepUp(credentials)),
    expire: async () => session.expire(await session.token()),
    state: () => say("state", { state: session.state, claims: session.claims }),
    reconnect: () => live.reconnect(),
  };
}
