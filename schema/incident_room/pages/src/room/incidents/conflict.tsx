// What the person sees if somebody was faster: what both have done, and the choice between the two.
import { Dialog } from "../ui/dialog";
import { words } from "../words";
import type { Incident } from "./documents";

/** The state of an incident that the person acted on, and what the person wanted to do. */
export interface Draft {
  before: Incident;
  title: string;
  mine: string;
  retry: (version: number) => Promise<void>;
}

interface Props {
  draft: Draft;
  now: Incident;
  onKeep: () => void;
  onSend: () => void;
}

export function Conflict({ draft, now, onKeep, onSend }: Props) {
  return (
    <Dialog title="Somebody was faster" onClose={onKeep} isWide>
      <p>The incident has changed since you began. Nothing of yours was saved yet.</p>
      <div class="two versus">
        <section aria-label="Yours">
          <h3>Yours</h3>
          <p class="quiet">{draft.title}</p>
          <p class="body">{draft.mine}</p>
        </section>
        <section aria-label="Theirs">
          <h3>Theirs</h3>
          <ul>
            {differences(draft.before, now).map((each) => (
              <li key={each}>{each}</li>
            ))}
          </ul>
        </section>
      </div>
      <div class="actions">
        <button type="button" onClick={onKeep}>
          Keep theirs
        </button>
        <button type="button" class="primary" onClick={onSend}>
          Send mine anyway
        </button>
      </div>
    </Dialog>
  );
}

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
  return found.length ? found : ["Something that you do not see."];
}
