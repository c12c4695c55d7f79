// The audit log, the newest first.
import { useState } from "preact/hooks";
import { useQuery } from "../data";
import { Time, Waiting } from "../ui/parts";
import { Panel } from "../ui/panel";
import { words } from "../words";

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
  members: { nodes: { id: string; name: string }[] };
}

const LOG = `query RoomAudit($after: String) {
  auditLog(first: 50, after: $after) { nodes { at action actor account address detail } pageInfo { hasNextPage endCursor } }
  members(first: 100) { nodes { id name } }
}`;

export function Audit() {
  const [pages, setPages] = useState<(string | null)[]>([null]);
  const { data, error, reload } = useQuery<Answer>(LOG, { after: pages[pages.length - 1] });
  const names = new Map(data?.members.nodes.map(({ id, name }) => [id, name]));
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
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">What</th>
              <th scope="col">Account</th>
              <th scope="col">From</th>
              <th scope="col">More</th>
            </tr>
          </thead>
          <tbody>
            {data?.auditLog.nodes.map((entry, number) => (
              <tr key={`${entry.at} ${number}`}>
                <td>
                  <Time at={entry.at} />
                </td>
                <th scope="row">{words(entry.action)}</th>
                <td>{(entry.account && (names.get(entry.account) ?? entry.account)) ?? entry.actor}</td>
                <td>{entry.address}</td>
                <td class="quiet">
                  {Object.entries(entry.detail)
                    .map(([name, value]) => `${name}: ${value}`)
                    .join(", ")}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
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
