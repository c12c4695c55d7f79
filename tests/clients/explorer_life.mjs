// A person who follows incidents at the explorer, for as long as the test says. Commands come on stdin.
import { createInterface } from "node:readline";
import * as explorer from "./explorer.mjs";
import { options, say } from "./session.mjs";

const page = await explorer.open();
const names = () =>
  page.$$eval(".events li pre", (texts) => texts.map((text) => JSON.parse(text.textContent).data.incidentsChanged.incident.name));

const DO = {
  async connection({ says }) {
    say("connection", { text: await explorer.connection(page, says) });
  },
  async sees({ name }) {
    await page.waitForFunction((wanted) => document.querySelector(".events ol").textContent.includes(`"${wanted}"`), {}, name);
    say("seen");
  },
  async events() {
    say("events", { names: await names() });
  },
  async schema() {
    await page.click("button[aria-label='Show Documentation Explorer']");
    await page.waitForFunction(() => /query:\s*Query/.test(document.querySelector(".graphiql-doc-explorer")?.textContent ?? ""));
    say("schema");
  },
  async ask({ query }) {
    say("answer", { answer: await explorer.ask(page, query) });
  },
};

try {
  await explorer.signIn(page, options.email, options.password);
  await page.waitForSelector(".bar .sign-out");
  await explorer.follow(page, "subscription { incidentsChanged { incident { name } } }");
  await explorer.connection(page, "Connected");
  say("following");
  for await (const line of createInterface({ input: process.stdin })) {
    const command = JSON.parse(line);
    await DO[command.do](command);
  }
} finally {
  await explorer.browser.close();
}
