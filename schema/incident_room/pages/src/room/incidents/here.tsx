// Who has the incident open now.
import { useState } from "preact/hooks";
import { useLive } from "../data";
import { useViewer } from "../viewer";
import { HERE, type Person } from "./documents";

interface Responder {
  since: string;
  member: Person;
}

export function Here({ id }: { id: string }) {
  const { memberId } = useViewer();
  const [here, set] = useState<Responder[]>([]);
  useLive<{ respondersHere: Responder[] }>(HERE, { id }, ({ respondersHere }) => set(respondersHere));
  return (
    <ul class="people" aria-label="Here now">
      {here.map(({ member }) => (
        <li key={member.id}>
          <span class="face" aria-hidden="true">
            {initials(member.name)}
          </span>
          {member.name}
          {member.id === memberId && " (you)"}
        </li>
      ))}
    </ul>
  );
}

const initials = (name: string): string =>
  name
    .split(/\s+/)
    .map((part) => part[0] ?? "")
    .join("")
    .slice(0, 2)
    .toUpperCase();
