// What the explorer is told of the schema, as the person and its scopes change.
import * as explorer from "./explorer.mjs";
import { options, say } from "./session.mjs";

const { browser } = explorer;
const waiting = [];
const heard = [];

/** Keep each schema that the page reads: the names of its mutations. */
async function hear(response) {
  const sent = response.request().postData();
  if (!sent?.includes("__schema")) return;
  const { data } = await response.json();
  const { types, mutationType } = data.__schema;
  heard.push(types.find(({ name }) => name === mutationType.name).fields.map(({ name }) => name));
  waiting.shift()?.();
}

/** Return the next schema that the page reads. */
async function next() {
  if (heard.length === 0) await new Promise((resolve) => waiting.push(resolve));
  return heard.shift();
}

browser.on("targetcreated", async (target) => (await target.page())?.on("response", hear));
try {
  const page = await explorer.open();
  say("nobody", { mutations: await next() });
  await explorer.signIn(page, options.email, options.password);
  say("signed in", { mutations: await next() });
  await explorer.bar(page, options.email);
  await explorer.actWith(page, ["incidents:read"]);
  say("acting", { mutations: await next() });
  await page.click(".act-as summary");
  await page.click('.act-as form button[type="button"]');
  say("acting no more", { mutations: await next() });
  await page.click(".act-as summary");
  await page.click(".bar .sign-out");
  say("signed out", { mutations: await next() });
  // In the evening the system turns dark while the page is open.
  const isDark = () => page.$eval(".monaco-editor", (editor) => editor.matches(".vs-dark"));
  const before = await isDark();
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "dark" }]);
  await page.waitForFunction(() => document.querySelector(".monaco-editor.vs-dark"), { timeout: 10_000 }).catch(() => {});
  say("colours", { dark: [before, await isDark()] });
  say("done", { more: heard.length });
} finally {
  await browser.close();
}
