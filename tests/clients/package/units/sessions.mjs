import { FakeClock, server } from "./fakes.mjs";

export const { createSession, memoryStore } = await import(`${process.env.PACKAGE}/index.js`);
export const URL_ = "https://api.example.com";
export const LOGIN = { email: "ann@example.com", password: "secret" };

/** Make a session over a server that answers by `routes`, with what it is asked and what the session says. */
export function made(routes, options = {}) {
  const { store = memoryStore(), ...rest } = options;
  const clock = new FakeClock(), said = [], asked = server(routes);
  const session = createSession({ url: URL_, fetch: asked.fetch, clock, store, ...rest });
  for (const name of ["signedIn", "signedOut", "expired", "changed", "mustStepUp"]) session.on(name, () => said.push(name));
  return { session, clock, said, asked, store };
}
