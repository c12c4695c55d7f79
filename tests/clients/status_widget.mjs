// Atlassian's own widget for Statuspage, in a page of another site. Options: chromium, profile, url (of the status page).
import { createRequire } from "node:module";
import puppeteer from "puppeteer-core";
import { FLAGS } from "./chromium.mjs";
import { options, say } from "./session.mjs";

const widget = createRequire(import.meta.url).resolve("@statuspage/status-widget/dist/index.js");
const browser = await puppeteer.launch({ executablePath: options.chromium, userDataDir: options.profile, headless: true, args: FLAGS });
const page = await browser.newPage();
page.on("pageerror", (error) => say("complaint", { text: error.message }));
await page.setContent(`<statuspage-widget src="${options.url}"></statuspage-widget>`);
// Its bundle assigns a variable that it does not declare.
await page.evaluate(() => (window.parcelRequire = undefined));
await page.addScriptTag({ path: widget });
const shown = await page.waitForSelector("statuspage-widget >>> .status-text");
const indicator = await page.waitForSelector("statuspage-widget >>> .status-indicator");
say("shown", { text: await shown.evaluate((each) => each.textContent), classes: await indicator.evaluate((each) => [...each.classList]) });
await browser.close();
