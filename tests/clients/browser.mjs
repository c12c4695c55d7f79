// A person at the explorer. Further options: query, subscription (documents), token (one that is refused),
// screenshots (a folder).
import * as explorer from "./explorer.mjs";
import { options, say } from "./session.mjs";

const { browser } = explorer;
const picture = (page, name) =>
  options.screenshots && page.screenshot({ path: `${options.screenshots}/explorer-${name}-${options.colours}-${options.width}.png`, fullPage: true });

async function arrive() {
  const page = await explorer.open();
  say("opened", { title: await page.title() });
  const document = await explorer.read(page, "query");
  await page.click(".graphiql-execute-button");
  say("default query", { document, answer: await explorer.response(page) });
  // Nothing of the welcome is beyond the edge of the editor.
  const isCut = await page.$eval(".graphiql-query-editor .view-lines", (lines) => {
    const edge = lines.closest(".monaco-scrollable-element").getBoundingClientRect().right;
    return [...lines.querySelectorAll(".view-line > span")].some((line) => line.getBoundingClientRect().right > edge);
  });
  say("welcome", { isCut, hidden: await hidden(page) });
  await picture(page, "welcome");
  return page;
}

/** Return the lines of the variables that are not wholly inside of the editor's box. */
async function hidden(page) {
  return page.$eval(".graphiql-editors", (editors) => {
    const { bottom } = editors.getBoundingClientRect();
    const lines = [...editors.querySelectorAll(".graphiql-editor-tool .line-numbers")].filter((each) => each.checkVisibility());
    return lines.filter((each) => each.getBoundingClientRect().bottom > bottom).map((each) => each.textContent);
  });
}

async function signIn(page) {
  await explorer.signIn(page, options.email, `${options.password}?`);
  const alert = await page.waitForSelector('.bar [role="alert"]');
  say("sign-in refused", { text: await alert.evaluate((element) => element.textContent) });
  await explorer.signIn(page, options.email, options.password);
  await page.waitForSelector(".bar .sign-out");
  say("signed in", { text: await explorer.bar(page, options.email) });
  say("answer", { answer: await explorer.ask(page, options.query) });
}

async function follow(page) {
  await explorer.follow(page, options.subscription);
  say("ready");
  say("next", await explorer.event(page));
  // While it goes on, others are run and followed.
  say("beside", { answer: await explorer.ask(page, options.query) });
  await explorer.follow(page, options.subscription);
  say("two", { open: await page.$$eval('.events article[data-open="true"]', (found) => found.length) });
  say("both", { ...(await explorer.event(page)), hidden: await hidden(page) });
  await picture(page, "events");
}

async function actAs(page) {
  await explorer.actWith(page, ["incidents:read"]);
  await explorer.bar(page, "Acting with 1 of");
  const connection = await explorer.connection(page, "Renewed at");
  say("acting", { connection, answer: await explorer.ask(page, "{ viewer { scopes } }") });
  await page.click(".act-as summary");
  await picture(page, "act-as");
  await page.click('.act-as form button[type="button"]');
  await explorer.bar(page, "Act as …");
  await page.click(".act-as summary");
  say("acting no more", { answer: await explorer.ask(page, "{ viewer { scopes } }") });
}

async function reload(page) {
  await page.reload();
  await explorer.ready(page);
  await page.waitForSelector(".bar .sign-out");
  say("reloaded", { text: await explorer.bar(page, options.email) });
}

async function signOut(page) {
  const stored = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
  await page.click(".bar .sign-out");
  await page.waitForSelector('.bar input[name="email"]');
  say("signed out", { stored, answer: await explorer.ask(page, "{ viewer { id } }") });
}

async function bringOwnToken(page) {
  await page.evaluate(() => [...document.querySelectorAll(".graphiql-editor-tools button")].find((each) => each.textContent === "Headers").click());
  await explorer.write(page, "headers", JSON.stringify({ Authorization: `Bearer ${options.token}` }));
  say("own token refused", { answer: await explorer.ask(page, options.subscription) });
}

/** Follow a link that holds an operation, with a slash at the end of its path; and make one. */
async function links() {
  const page = await explorer.open(`/?${new URLSearchParams({ query: options.query, variables: '{"a":1}' })}`);
  await page.waitForFunction(() => __MONACO.editor.getModels().some((model) => model.uri.path.includes("variables") && model.getValue()));
  say("linked", { variables: JSON.parse(await explorer.read(page, "variables")), shown: await explorer.read(page, "query"), answer: await explorer.read(page, "response") });
  await explorer.write(page, "query", "{ __typename }");
  await page.click(".copy-link");
  await page.waitForFunction(() => location.search.includes("typename"));
  say("link", { query: new URL(page.url()).searchParams.get("query") });
}

try {
  const page = await arrive();
  await signIn(page);
  await follow(page);
  await actAs(page);
  await reload(page);
  await signOut(page);
  await bringOwnToken(page);
  await links();
  say("done");
} finally {
  await browser.close();
}
