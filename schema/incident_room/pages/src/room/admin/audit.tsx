// The audit log, the newest first.
import { useState } from "preact/hooks";
import { useNames, useQuery } from "../data";
import { Time, Waiting } from "../ui/parts";
import { Panel } from "../ui/panel";
import { Table } from "../ui/table";
import { memberId } from "../viewer";
import { words } from "../words";
import { AUDIT_LOG } from "./documents";

interface Entry {
  at: string;
  action: string;
  actor: string | null;
  account: string | null;
  address: string;
  detail: Record<string, string>;
}

interface Answer {
  auditLog: { nodes: Entry[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } };
}


export function Audit() {
  const [pages, setPages] = useState<(string | null)[]>([null]);
  const { data, error, reload } = useQuery<Answer>(AUDIT_LOG, { after: pages[pages.length - 1] });
  const names = useNames((data?.auditLog.nodes ?? []).flatMap(({ account, actor }) => [account, personOf(actor)].flatMap((id) => id ?? [])));
  const info = data?.auditLog.pageInfo;
  return (
    <Panel
      title="Audit log"
      about="What was done to accounts, sessions, keys, clients and connections."
      actions={
        <button type="button" class="small" onClick={() => void reload()}>
          Load again
        </button>
      }
    >
      {data === null && <Waiting error={error} />}
      <Table
        label="Audit log"
        columns={["What", "When", "Account", "By", "From", "More"]}
        rows={(data?.auditLog.nodes ?? []).map((entry, number) => ({
          key: `${entry.at} ${number}`,
          cells: [
            words(entry.action),
            <Time at={entry.at} />,
            entry.account && (names.get(entry.account) ?? entry.account),
            names.get(personOf(entry.actor) ?? "") ?? entry.actor,
            entry.address || null,
            said(entry.detail) && <span class="quiet">{said(entry.detail)}</span>,
          ],
        }))}
      />
      <div class="actions">
        {pages.length > 1 && (
          <button type="button" onClick={() => setPages(pages.slice(0, -1))}>
            Newer
          </button>
        )}
        {info?.hasNextPage && (
          <button type="button" onClick={() => setPages([...pages, info.endCursor])}>
            Older
          </button>
        )}
      </div>
    </Panel>
  );
}

/** The id of the member that did something; null if a client, the operator or the server did. */
const personOf = (actor: string | null): string | null => (actor === null || actor === "operator" || actor.startsWith("client_") ? null : memberId(actor));

const said = (detail: Record<string, string>): string | null =>
  Object.entries(detail)
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `${name.replaceAll("_", " ")}: ${value}`)
    .join(", ") || null;
