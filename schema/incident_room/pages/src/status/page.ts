import { localise } from "./times";

// Milliseconds: over which readers spread their requests, between attempts, and in which the server has to answer.
const SPREAD = 200;
const FIRST_PAUSE = 2_000;
const LONGEST_PAUSE = 30_000;
const TIMEOUT = 15_000;

const slept = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** The document of the page: fetches it again, and shows what is new in it. */
export class Page {
  /** The prefix of the page's relative URLs. */
  readonly root: string;
  #isRunning = false;
  #isConnected = false;
  // What is to be fetched after the fetch that goes on: the newest cursor of each stream, or "" for one without.
  #waiting = new Map<string, string>();

  constructor(root: string) {
    this.root = root;
  }

  /** Say in the footer whether the page is live: it is while it is connected and shows the newest state. */
  tell(isConnected: boolean): void {
    this.#isConnected = isConnected;
    const place = document.getElementById("live");
    if (place === null) return;
    const isLive = isConnected && !isOld();
    place.hidden = false;
    place.className = isLive ? "on" : "";
    place.textContent = document.body.dataset[isLive ? "liveOn" : "liveOff"] ?? "";
  }

  /** Fetch the page as it is after the event of a stream's cursor. One fetch goes on at a time, and one more waits at most. */
  async refresh(stream: string, cursor?: string): Promise<void> {
    this.#waiting.set(stream, cursor ?? this.#waiting.get(stream) ?? "");
    if (this.#isRunning) return;
    this.#isRunning = true;
    let pause = FIRST_PAUSE;
    while (this.#waiting.size > 0) {
      // All readers hear of an event at once; they need not all ask at once.
      await slept(SPREAD * Math.random());
      const seen = this.#waiting;
      this.#waiting = new Map();
      try {
        await this.#fetch([...seen.values()].filter(Boolean));
        pause = FIRST_PAUSE;
      } catch {
        // The network or the server is away.
        this.#waiting = new Map([...seen, ...this.#waiting]);
        await slept(pause * (0.5 + Math.random() / 2));
        pause = Math.min(2 * pause, LONGEST_PAUSE);
      }
    }
    this.#isRunning = false;
  }

  async #fetch(seen: string[]): Promise<void> {
    const url = new URL(location.href);
    url.hash = "";
    for (const cursor of seen) url.searchParams.append("seen", cursor);
    const response = await fetch(url, { headers: { accept: "text/html" }, signal: AbortSignal.timeout(TIMEOUT) });
    // Any other answer is final: an incident that is missing now says so in the page.
    if (response.status === 429 || response.status >= 500) throw new Error(`the page was answered with ${response.status}`);
    this.#show(new DOMParser().parseFromString(await response.text(), "text/html"));
    // No event says that the database can be reached again.
    if (isOld()) throw new Error("the page is an old one");
  }

  #show(fresh: Document): void {
    const before = document.querySelector("main");
    const after = fresh.querySelector("main");
    if (before === null || after === null) return;
    localise(after, document.documentElement.lang);
    if (before.innerHTML === after.innerHTML) return;
    const known = new Set([...before.querySelectorAll("[id]")].map((each) => each.id));
    const open = [...before.querySelectorAll("li[id] details[open]")].map((each) => each.closest("li")?.id);
    const focused = focusOf(before);
    const isShown = document.adoptNode(after);
    for (const element of isShown.querySelectorAll(".update[id], article[id]")) {
      if (!known.has(element.id)) element.classList.add("new");
    }
    for (const id of open) {
      if (id) isShown.querySelector(`li[id="${CSS.escape(id)}"] details`)?.setAttribute("open", "");
    }
    before.replaceChildren(...isShown.childNodes);
    document.title = fresh.title;
    this.tell(this.#isConnected);
    focused?.();
    const said = document.getElementById("said");
    const overall = document.getElementById("overall")?.textContent ?? "";
    if (said !== null) said.textContent = `${document.body.dataset["changed"] ?? ""} ${overall}`;
  }
}

/** Tell whether the server could not read the newest state when it rendered what is shown. */
function isOld(): boolean {
  return document.querySelector(".stale, .away") !== null;
}

/** Return what gives the focus back to the link that has it now, in the new content, or else to the content. */
function focusOf(main: Element): (() => void) | null {
  const active = document.activeElement;
  if (active === null || !main.contains(active)) return null;
  const place = active.closest("[id]")?.id;
  const isLink = active instanceof HTMLAnchorElement;
  const path = isLink ? `a[href="${CSS.escape(active.getAttribute("href") ?? "")}"]` : active.localName;
  return () => {
    const around = place ? document.getElementById(place) : main;
    // An incident that is over stands among the past ones.
    const elsewhere = isLink ? main.querySelector(path) : null;
    for (const each of [around?.querySelector(path), elsewhere, main]) {
      (each as HTMLElement | null | undefined)?.focus({ preventScroll: true });
      if (document.activeElement !== document.body) return;
    }
  };
}
