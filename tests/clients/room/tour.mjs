// One round through a page by the Tab key, and one back.
import { say } from "../session.mjs";

// More presses than any page has controls.
const MOST = 400;

/**
 * Press Tab from the top until the round is over, then Shift+Tab. Says a violation for each control that is not reached
 * once, is out of order, does not show the focus, or is behind something. `within` is a dialog, which keeps the focus.
 */
export async function tour(window, what, within = "body") {
  const { page } = window, fault = (id, nodes) => nodes.length > 0 && say("violation", { what, id, help: "by the Tab key", nodes });
  const expected = await page.evaluate(mark, within);
  const there = await round(page, "Tab"), back = await round(page, "Shift+Tab");
  await page.evaluate(() => window.tour.start.remove());
  fault("order", different(there.map(({ number }) => number), expected.map((_, number) => number), expected));
  fault("order backwards", different(back.map(({ number }) => number).reverse(), expected.map((_, number) => number), expected));
  fault("focus not visible", there.filter(({ isShown }) => !isShown).map(({ number }) => expected[number]));
  fault("focus obscured", there.filter(({ isObscured }) => isObscured).map(({ number }) => expected[number]));
  fault("jumps up", there.filter(({ box }, number) => number > 0 && isBefore(box, there[number - 1].box)).map(({ number }) => expected[number]));
  say("toured", { what, controls: expected.length, title: await page.title() });
}

const isBefore = (box, last) => box.bottom <= last.top && box.right <= last.left;
const different = (reached, wanted, names) =>
  JSON.stringify(reached) === JSON.stringify(wanted) ? [] : [`reached ${reached.map((each) => names[each] ?? each).join(", ")} instead of ${names.join(", ")}`];

/** Number everything that the keyboard should reach, in the order of the document; return what each is. */
function mark(within) {
  const isReached = (each) => each.checkVisibility({ visibilityProperty: true }) && each.tabIndex >= 0 && !each.disabled;
  const all = [...document.querySelector(within).querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")].filter(isReached);
  // Of radio buttons with one name, the chosen one stands for all.
  const found = all.filter((each) => each.type !== "radio" || each.checked);
  const looks = (each) => [each, each.parentElement, ...(each.labels ?? [])].map((one) => [getComputedStyle(one).outline, getComputedStyle(one).boxShadow, getComputedStyle(one).clipPath].join()).join();
  document.activeElement?.blur();
  window.tour = { looks, before: found.map(looks), found };
  // The round begins at the top, or at the beginning of the dialog.
  const start = document.createElement("span");
  start.tabIndex = -1;
  document.querySelector(within).prepend(start);
  start.focus();
  window.tour.start = start;
  return found.map((each) => `${each.localName} "${(each.innerText || each.labels?.[0]?.innerText || each.ariaLabel || each.name || "").trim()}"`);
}

async function round(page, keys) {
  const [key, ...modifiers] = keys.split("+").reverse(), reached = [];
  for (const each of modifiers) await page.keyboard.down(each);
  while (reached.length < MOST) {
    await page.keyboard.press(key);
    const found = await page.evaluate(() => {
      const { looks, before, found } = window.tour, each = document.activeElement, number = found.indexOf(each);
      if ([document.body, document.documentElement, window.tour.start].includes(each)) return null;
      if (number < 0) return { number: each.outerHTML.slice(0, 80), isShown: true, isObscured: false, box: { top: 0, left: 0, right: 1e6, bottom: 1e6 } };
      const { top, left, right, bottom } = (each.labels?.[0]?.contains(each) ? each.labels[0] : each).getBoundingClientRect();
      const seen = document.elementFromPoint(Math.min((left + right) / 2, innerWidth - 1), Math.min(Math.max((top + bottom) / 2, 0), innerHeight - 1));
      const box = { top: top + scrollY, left, right, bottom: bottom + scrollY };
      return { number, isShown: looks(each) !== before[number], isObscured: !(each.contains(seen) || seen?.contains(each)), box };
    });
    if (found === null || reached.some(({ number }) => number === found.number)) break;
    reached.push(found);
  }
  for (const each of modifiers) await page.keyboard.up(each);
  return reached;
}
