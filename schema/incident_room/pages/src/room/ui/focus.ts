// The browser gives the focus to the body when the element that has it is removed or disabled: a person who uses the keyboard
// would begin again at the top of the page, and a screen reader would say nothing. It stays nearby instead.

const CONTROLS = "a[href], button:enabled, input:enabled, select:enabled, textarea:enabled, summary";

/** Keep the focus from getting lost, on the whole page. */
export function keepFocus(): void {
  let last: Element | null = null;
  let around: Around | null = null;
  document.addEventListener("focusin", ({ target }) => {
    [last, around] = [target as Element, null];
  });
  // Somebody who clicks beside all controls wants the focus nowhere.
  document.addEventListener("pointerdown", () => ([last, around] = [null, null]), true);
  new MutationObserver((records) => {
    if (last === null || document.activeElement !== document.body) return;
    if (!last.isConnected) nearest((around ??= aroundOf(records, last)))?.focus();
    // It was disabled while the server was asked.
    else if (records.some(({ target }) => target === last)) (last as HTMLElement).focus({ preventScroll: true });
  }).observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["disabled"] });
}

/** Where an element was: the entries beside the one that it went with, and what contained that. */
interface Around {
  beside: (Element | null)[];
  container: Element | null;
}

function aroundOf(records: MutationRecord[], last: Element): Around {
  const record = records.find(({ removedNodes }) => [...removedNodes].some((node) => node.contains(last)));
  const elements = [record?.nextSibling, record?.previousSibling].map((node) => (node instanceof Element ? node : null));
  const isEntry = elements.every((each) => each === null || each.matches("li, tr"));
  return { beside: isEntry ? elements : [], container: record?.target instanceof Element ? record.target : null };
}

/** Find the first control of the next or the previous entry; or else the title of the part of the page; or else the content. */
function nearest({ beside, container }: Around): HTMLElement | null {
  for (const each of beside) {
    const control = each?.isConnected ? each.querySelector<HTMLElement>(CONTROLS) : null;
    if (control) return control;
  }
  const title = container?.isConnected ? container.closest("main section, main article")?.querySelector<HTMLElement>("h1, h2") : null;
  if (title) title.tabIndex = -1;
  return title ?? document.getElementById("main");
}
