// Pages in one real browser, with watchword-client and nothing else. Options: url, chromium, profile (a folder), page
// (its name), given (the options of its session), trusts (any certificate). It prints what happens, with the number of the tab, and does what
// each line of stdin says in the tab that it names.
import { createInterface } from "node:readline";
import puppeteer from "puppeteer-core";
import { FLAGS } from "../chromium.mjs";

const options = JSON.parse(process.env.CLIENT_OPTIONS);
const print = (step, rest) => process.stdout.write(`${JSON.stringify({ ...rest, step })}\n`);
const browser = await puppeteer.launch({
  executablePath: options.chromium,
  userDataDir: options.profile,
  headless: true,
  acceptInsecureCerts: Boolean(options.trusts),
  args: FLAGS,
});
const tabs = [], sessions = new Map();

/** Return the one session with a tab's browser: what a session has set, another one cannot undo. */
async function devtools(page) {
  if (!sessions.has(page)) sessions.set(page, await page.createCDPSession());
  return sessions.get(page);
}

async function open() {
  const number = tabs.length, page = await browser.newPage();
  const say = (step, rest) => print(step, { ...rest, tab: number });
  tabs.push(page);
  page.on("pageerror", (error) => say("complaint", { text: error.message }));
  await page.exposeFunction("say", say);
  const query = options.given ? `?${new URLSearchParams({ options: JSON.stringify(options.given) })}` : "";
  await page.goto(`${options.url}/front/${options.page}${query}`);
}

// What a person, a browser or an operating system does to any page.
const outside = {
  open,
  reload: (page) => page.reload(),
  close: (page) => page.close(),
  enter: async (page, { fields }) => {
    for (const [name, text] of Object.entries(fields)) await page.type(`[name=${name}]`, text);
    await page.click("button");
  },
  read: async (page) => print("text", { text: await page.$eval("body", (body) => body.innerText) }),
  offline: async (page, { isOffline }) => {
    const network = await devtools(page);
    const conditions = { offline: isOffline, latency: 0, downloadThroughput: -1, uploadThroughput: -1 };
    await network.send("Network.emulateNetworkConditions", conditions);
    print("network", { isOffline });
  },
  // As Chromium does to a tab that nobody looks at: no timers and no messages until it is resumed.
  sleep: async (page, { isAsleep }) => {
    const life = await devtools(page);
    await life.send("Page.setWebLifecycleState", { state: isAsleep ? "frozen" : "active" });
    print("life", { isAsleep });
  },
};

try {
  await open();
  for await (const line of createInterface({ input: process.stdin })) {
    const { do: name, tab = 0, ...given } = JSON.parse(line), page = tabs[tab];
    if (outside[name]) await outside[name](page, given);
    else await page.evaluate((name, given) => void commands[name](given), name, given);
  }
} finally {
  await browser.close();
}
