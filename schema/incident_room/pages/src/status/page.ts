import { localise } from "./times";

/** The document of the page: fetches it again, and shows what is new in it. */
export class Page {
  /** The prefix of the page's relative URLs. */
  readonly root: string;
  #running = false;
  // What is to be fetched after the fetch that goes on: the newest cursor, or "" for one without.
  #waiting: string | null = null;

  constructor(root: string) {
    this.root = root;
  }

  /** Say in the footer whether the page is live. */
  tell(isLive: boolean): void {
    const place = document.getElementById("live");
    if (place === null) return;
    place.hidden = false;
    place.className = isLive ? "on" : "";
    place.textContent = document.body.dataset[isLive ? "liveOn" : "liveOff"] ?? "";
  }

  /** Fetch the page as it is after the event of a cursor. One fetch goes on at a time, and one more waits at most. */
  async refresh(cursor: string | null): Promise<void> {
    this.#waiting = cursor ?? this.#waiting ?? "";
    if (this.#running) return;
    this.#running = true;
    while (this.#waiting !== null) {
      // All readers hear of an event at once; they need not all ask at once.
      await new Promise((resolve) => setTimeout(resolve, 200 * Math.random()));
      const seen: string = this.#waiting;
      this.#waiting = null;
      try {
        await this.#fetch(seen);
      } catch {
        // The network is away; when it is back, the subscription goes on and an event or `missed` comes here again.
        this.#waiting ??= seen;
        await new Promise((resolve) => setTimeout(resolve, 1000 + 2000 * Math.random()));
      }
    }
    this.#running = false;
  }

  async #fetch(seen: string): Promise<void> {
    const url = new URL(location.href);
    url.hash = "";
    if (seen !== "") url.searchParams.set("seen", seen);
    const response = await fetch(url, { headers: { accept: "text/html" } });
    if (!response.ok) throw new Error(`the page was answered with ${response.status}`);
    this.#show(new DOMParser().parseFromString(await response.text(), "text/html"));
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
    focused?.();
    const said = document.getElementById("said");
    const overall = document.getElementById("overall")?.textContent ?? "";
    if (said !== null) said.textContent = `${document.body.dataset["changed"] ?? ""} ${overall}`;
  }
}

/** Return what gives the focus back to the link that has it now, in the new content. */
function focusOf(main: Element): (() => void) | null {
  const active = document.activeElement;
  if (active === null || !main.contains(active)) return null;
  const place = active.closest("[id]")?.id;
  const path = active instanceof HTMLAnchorElement ? `a[href="${CSS.escape(active.getAttribute("href") ?? "")}"]` : active.localName;
  return () => {
    const around = place ? document.getElementById(place) : main;
    (around?.querySelector<HTMLElement>(path) ?? (around as HTMLElement | null))?.focus({ preventScroll: true });
  };
}
