// Administration: members, clients, the audit log, signing keys, live connections; each only if the token may.
import type { JSX } from "preact";
import { Empty, Link, Title } from "../ui/parts";
import { type May, useViewer } from "../viewer";
import { Audit } from "./audit";
import { Clients } from "./clients";
import { Connections } from "./connections";
import { Keys } from "./keys";
import { Members } from "./members";

const PARTS: [path: string, title: string, right: keyof May, page: () => JSX.Element][] = [
  ["members", "Members", "seeMembers", Members],
  ["connections", "Live connections", "manageConnections", Connections],
  ["clients", "Clients", "manageClients", Clients],
  ["keys", "Signing keys", "manageKeys", Keys],
  ["audit", "Audit log", "readAudit", Audit],
];

/** Tell whether there is anything in administration for somebody. */
export const hasAdmin = (may: May): boolean => may.manageMembers || may.manageConnections || may.manageClients || may.manageKeys || may.readAudit;

export function AdminPage({ part }: { part: string | undefined }) {
  const { may } = useViewer();
  const offered = hasAdmin(may) ? PARTS.filter(([, , right]) => may[right]) : [];
  const [path, name, , Page] = offered.find(([each]) => each === part) ?? offered[0] ?? [];
  if (!Page) return <Empty>There is nothing here for you.</Empty>;
  return (
    <>
      <Title of={name}>Administration</Title>
      <nav class="tabs" aria-label="Administration">
        {offered.map(([each, title]) => (
          <Link key={each} to={["admin", each]} aria-current={each === path ? "page" : undefined}>
            {title}
          </Link>
        ))}
      </nav>
      <Page />
    </>
  );
}
