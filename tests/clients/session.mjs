// What every scenario shares: its options, its lines on stdout, the test's on stdin, and signing in.
import { createInterface } from "node:readline";

/** What the test asks for: url, email, password, and the scenario's own options. */
export const options = JSON.parse(process.env.CLIENT_OPTIONS);
export const endpoint = `${options.url}/graphql`;
export const socketEndpoint = endpoint.replace(/^http/, "ws");

/** Print one step as one line of JSON. */
export function say(step, rest = {}) {
  process.stdout.write(`${JSON.stringify({ step, ...rest })}\n`);
}

let lines = null;

/** Print one step, and return what the test answers on stdin. */
export async function told(step, rest = {}) {
  lines ??= createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  // The script may end although its stdin has not.
  process.stdin.unref();
  say(step, rest);
  return JSON.parse((await lines.next()).value);
}

/** POST `body` as JSON and return the answer. Throws when it is a refusal. */
async function post(path, body) {
  const response = await fetch(options.url + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

/** Sign in; the answer has access_token and refresh_token. */
export function signIn() {
  const { email, password } = options;
  return post("/api/auth/login", { email, password, delivery: "body" });
}

/** Trade the refresh token for a new pair. */
export function refresh(refreshToken) {
  return post("/api/auth/refresh", { refresh_token: refreshToken, delivery: "body" });
}
