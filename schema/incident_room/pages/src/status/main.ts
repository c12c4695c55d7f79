// Makes the server's page live: times in the reader's zone, and a new page in place of the old one when something
// has happened. Without this script the page is whole, and is as old as its request.
import { createLive, createSession } from "watchword-client";
import { CHANGES, STATES } from "./documents";
import { Page } from "./page";
import { localise } from "./times";

localise(document, document.documentElement.lang);
const page = new Page(document.body.dataset["root"] ?? "./");
const root = new URL(page.root, location.href).href.replace(/\/$/, "");
// The public page is for everybody: nobody is signed in here, whoever is in the room.
const session = createSession({ url: root, restore: false });
const live = createLive(session);
live.on("connected", () => page.tell(true));
live.on("closed", () => page.tell(false));
for (const document of [CHANGES, STATES]) {
  let hasStarted = false;
  live.subscribe(document, null, {
    next: ({ extensions }) => void page.refresh(document, extensions?.["cursor"] as string | undefined),
    missed: () => void page.refresh(document),
    // What happened after the server rendered this page, and before it followed the events, is in no event.
    started: () => {
      if (!hasStarted) void page.refresh(document);
      hasStarted = true;
    },
  });
}
// The browser may show the page as it was when it was left.
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) for (const document of [CHANGES, STATES]) void page.refresh(document);
});
