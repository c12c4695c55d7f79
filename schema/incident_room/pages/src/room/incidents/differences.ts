// What somebody else has changed about an incident.
import { words } from "../words";
import type { Incident } from "./documents";

/** Say in words what is different between two states of an incident. */
export function differences(before: Incident, now: Incident): string[] {
  const found: string[] = [];
  if (before.status !== now.status) found.push(`Status: ${words(before.status)} → ${words(now.status)}`);
  if (before.impact !== now.impact) found.push(`Impact: ${words(before.impact)} → ${words(now.impact)}`);
  if (before.commander?.id !== now.commander?.id) found.push(`Commander: ${now.commander?.name ?? "nobody"}`);
  const names = (incident: Incident) => incident.components.map(({ name }) => name).join(", ") || "none";
  if (names(before) !== names(now)) found.push(`Components: ${names(now)}`);
  const known = new Set(before.updates.nodes.map(({ id }) => id));
  for (const { id, author, body } of now.updates.nodes) {
    if (!known.has(id)) found.push(`${author?.name ?? "Somebody"}: “${body}”`);
  }
  return found;
}
