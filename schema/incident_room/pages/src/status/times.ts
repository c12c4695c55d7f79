/** Shows each `<time>` with a time of day in the reader's zone; the server writes them in the zone of the page. */
export function localise(root: ParentNode, language: string): void {
  const format = new Intl.DateTimeFormat(language, {
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
    timeZoneName: "short",
  });
  for (const element of root.querySelectorAll<HTMLTimeElement>("time[datetime]")) {
    const at = new Date(element.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    element.title = element.textContent ?? "";
    element.textContent = format.format(at);
  }
}
