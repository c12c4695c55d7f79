// Every adapter in this process, and in tabs of one real browser, in a profile of its own for each person. Options: chromium,
// bundle (the path of the page). Each line of stdin is done by all that are there; `tab` names a tab of each person, from
// the end if it is negative.
import { createInterface } from "node:readline";
import puppeteer from "puppeteer-core";
import { FLAGS } from "./chromium.mjs";
import { follower } from "./followers.mjs";

const { chromium, page: path } = JSON.parse(process.env.CLIENT_OPTIONS);
const browser = await puppeteer.launch({ executablePath: chromium, headless: true, args: FLAGS });
const saying = (cell) => (step, rest) => process.stdout.write(`${JSON.stringify({ ...rest, step, cell })}\n`);
const OFFLINE = { latency: 0, downloadThroughput: -1, uploadThroughput: -1 };

/** An adapter in this process, which has no tabs: it is neither offline nor asleep. */
class Here {
  constructor(options, say) {
    this.say = say;
    this.follower = follower(say, options);
  }
  tell(name, given) {
    if (OUTSIDE.includes(name)) this.say("done");
    else this.follower[name](given);
  }
  close() {
    this.follower.close();
  }
}

/** An adapter in a tab. */
class Tab {
  static async open(context, options, say) {
    const page = await context.newPage();
    page.on("pageerror", (error) => say("complaint", { text: error.message }));
    await page.exposeFunction("say", say);
    await page.goto(`${options.url}${path}`);
    await page.evaluate((given) => void (globalThis.commands = followers.follower(say, given)), options);
    return new Tab(page, say, await page.createCDPSession());
  }
  constructor(page, say, devtools) {
    Object.assign(this, { page, say, devtools });
  }
  async tell(name, given) {
    if (OUTSIDE.includes(name)) return this[name](given).then(() => this.say("done"));
    return this.page.evaluate((name, given) => void commands[name](given), name, given);
  }
  // As Chromium does to a tab that nobody looks at: no timers and no messages until it is resumed.
  sleep({ isAsleep }) {
    return this.devtools.send("Page.setWebLifecycleState", { state: isAsleep ? "frozen" : "active" });
  }
  offline({ isOffline }) {
    return this.devtools.send("Network.emulateNetworkConditions", { ...OFFLINE, offline: isOffline });
  }
  close() {}
}
// What a person or an operating system does to a tab.
const OUTSIDE = ["sleep", "offline"];

/** Open one person's adapter here or in tabs; `cells` are their names. */
async function open({ cells, isBrowser, ...options }) {
  if (!isBrowser) return [new Here(options, saying(cells[0]))];
  const context = await browser.createBrowserContext();
  const tabs = [];
  for (const cell of cells) tabs.push(await Tab.open(context, options, saying(cell)));
  tabs[0].close = () => context.close();
  return tabs;
}

// What nobody catches in this process is a fault of all adapters in it.
process.on("uncaughtException", (error) => saying("node")("complaint", { text: error.stack }));
let people = [];
try {
  for await (const line of createInterface({ input: process.stdin })) {
    const { do: name, tab, ...given } = JSON.parse(line);
    if (name === "open") {
      people = await Promise.all(given.people.map((each) => open({ ...each, ...given })));
      saying("all")("opened");
    } else if (name === "close") {
      await Promise.all(people.flat().map((each) => each.close()));
      saying("all")("closed all");
    } else {
      const told = people.flatMap((tabs) => (tab === undefined ? tabs : [tabs.at(tab)]));
      await Promise.all(told.map((each) => each.tell(name, given)));
    }
  }
} finally {
  await browser.close();
}
process.exit();
