/** Shows each `<time>` of the page in the reader's zone; the server writes them in UTC. */
export function localise(root: ParentNode, language: string): void {
  for (const element of root.querySelectorAll<HTMLTimeElement>("time[datetime][data-style]")) {
    const at = new Date(element.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    const format = new Intl.DateTimeFormat(language, styles[element.dataset["style"] ?? ""] ?? styles["moment"]);
    element.textContent = format.format(at);
  }
}

const styles: Record<string, Intl.DateTimeFormatOptions> = {
  moment: { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short" },
  clock: { hour: "2-digit", minute: "2-digit", timeZoneName: "short" },
};
