// The words of the vocabulary, as people read them.
export type Status =
  | "INVESTIGATING" | "IDENTIFIED" | "MONITORING" | "RESOLVED" | "POSTMORTEM"
  | "SCHEDULED" | "IN_PROGRESS" | "VERIFYING" | "COMPLETED";
export type Impact = "NONE" | "MINOR" | "MAJOR" | "CRITICAL" | "MAINTENANCE";
export type Visibility = "PUBLIC" | "INTERNAL";

export const STATUSES: Status[] = ["INVESTIGATING", "IDENTIFIED", "MONITORING"];
export const MAINTENANCE: Status[] = ["SCHEDULED", "IN_PROGRESS", "VERIFYING"];
export const IMPACTS: Impact[] = ["NONE", "MINOR", "MAJOR", "CRITICAL"];
export const ROLES = ["VIEWER", "RESPONDER", "COMMANDER", "ADMIN"];

/** Write an enumeration's value as words: IN_PROGRESS as "In progress". */
export function words(value: string): string {
  const text = value.toLowerCase().replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export const isOver = (status: Status): boolean => ["RESOLVED", "POSTMORTEM", "COMPLETED"].includes(status);

/** Write a time for the person's zone and language. */
export const when = (iso: string): string =>
  new Date(iso).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [["day", 86_400], ["hour", 3_600], ["minute", 60]];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** Write how long ago, or in how long, a time is. */
export function ago(iso: string, now: number = Date.now()): string {
  const seconds = (new Date(iso).getTime() - now) / 1_000;
  const found = UNITS.find(([, size]) => Math.abs(seconds) >= size);
  return found ? relative.format(Math.trunc(seconds / found[1]), found[0]) : seconds > 0 ? "in a moment" : "just now";
}

const HAPPENED: Record<string, string> = {
  OPENED: "The incident was opened.",
  UPDATE_POSTED: "An update was posted.",
  STATUS_CHANGED: "The status was changed.",
  IMPACT_CHANGED: "The impact was changed.",
  COMMANDER_ASSIGNED: "The commander was changed.",
  COMPONENTS_CHANGED: "The affected components were changed.",
  RESOLVED: "The incident was resolved.",
  VISIBILITY_CHANGED: "An update was hidden or shown.",
  EDITED: "An import changed the incident.",
};

/** Say what has happened to an incident, by the kind of its event. */
export const happened = (kind: string): string => HAPPENED[kind] ?? "The incident has changed.";

// The methods of an authentication (RFC 8176). Those without a word say no more than the others.
const FACTORS: Record<string, string> = { pwd: "password", otp: "one-time code", hwk: "passkey", swk: "passkey", user: "", mfa: "" };

/** Name the factors of a sign-in. */
export const factors = (methods: readonly string[]): string => [...new Set(methods.map((each) => FACTORS[each] ?? each))].filter(Boolean).join(" and ");
