// Many readers of the public page without a renderer: each has a session, a socket and the subscriptions of the page's
// script, and fetches the page after an event. Options: url, package (the compiled client), count. It reads commands:
// `follow` waits until all of them have a text on their page, and tells in how many milliseconds of this command.
import { Agent, get } from "node:http";
import { createInterface } from "node:readline";
import { gunzipSync } from "node:zlib";
import { options, say } from "./session.mjs";

const { createLive, createSession } = await import(`${options.package}/index.js`);
const DOCUMENTS = ["subscription { incidentsChanged { kind } }", "subscription { componentStatusChanged { id } }"];

// The readers share the machine with the server, whose cost is measured: `fetch` takes half as much processor time again.
const agent = new Agent({ keepAlive: true, maxSockets: 100 });
const headers = { "accept-encoding": "gzip" };

/** Fetch a page as browsers do: compressed, by a connection that is kept. */
function got(path) {
  return new Promise((resolve, reject) => {
    const asked = get(`${options.url}${path}`, { agent, headers }, (response) => {
      const parts = [];
      response.on("data", (part) => parts.push(part));
      response.on("end", () => {
        if (response.headers["content-encoding"] === "gzip") resolve(gunzipSync(Buffer.concat(parts)));
        else reject(new Error(`${path} was not compressed (${response.statusCode})`));
      });
    });
    asked.on("error", reject);
  });
}

class Reader {
  page = Buffer.of();
  #waiting = null;
  #heard = () => {};

  constructor(started) {
    this.session = createSession({ url: options.url, restore: false });
    this.live = createLive(this.session, { transport: "websocket", timeout: 60_000 });
    for (const document of DOCUMENTS) {
      this.live.subscribe(document, null, {
        started,
        next: ({ extensions }) => this.#fetch(extensions?.cursor),
        missed: () => this.#fetch(null),
        error: (error) => say("failed", { text: error.message }),
      });
    }
  }

  async #fetch(cursor) {
    await new Promise((resolve) => setTimeout(resolve, 200 * Math.random()));
    this.page = await got(`/?seen=${encodeURIComponent(cursor ?? "")}`);
    this.#heard();
  }

  shows(text) {
    return new Promise((resolve) => {
      this.#heard = () => this.page.includes(text) && resolve();
      this.#heard();
    });
  }
}

let left = options.count * DOCUMENTS.length;
const readers = Array.from({ length: options.count }, () => new Reader(() => --left === 0 && say("following")));
for await (const line of createInterface({ input: process.stdin })) {
  const { do: name, text } = JSON.parse(line);
  const began = performance.now(), before = process.cpuUsage();
  if (name === "follow") {
    const times = Promise.all(readers.map((each) => each.shows(text).then(() => performance.now() - began)));
    times.then((all) => {
      const { user, system } = process.cpuUsage(before);
      say("all", { milliseconds: all.sort((a, b) => a - b), processor: (user + system) / 1_000 });
    });
    say("waiting");
  }
}
process.exit(0);
