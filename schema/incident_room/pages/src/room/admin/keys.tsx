// The keys that sign tokens.
import { useAction, useQuery } from "../data";
import { Confirm, Fault, Time, Waiting } from "../ui/parts";
import { Panel } from "../ui/panel";

interface Key {
  id: string;
  algorithm: string;
  state: "PUBLISHED" | "SIGNS" | "VERIFIES" | "OVER";
  createdAt: string;
  signsAt: string;
  retiresAt: string | null;
}

const KEYS = "query RoomKeys { signingKeys { id algorithm state createdAt signsAt retiresAt } }";
const ROTATE = "mutation RoomRotate { rotateSigningKeys { id } }";
const STATES = { PUBLISHED: "Signs soon", SIGNS: "Signs", VERIFIES: "Verifies", OVER: "Over" };

export function Keys() {
  const { data, error, reload } = useQuery<{ signingKeys: Key[] }>(KEYS);
  const action = useAction();
  const rotate = async () => void ((await action.run(ROTATE, {})) && (await reload()));
  const button = <Confirm label="Make a new key" question="Publish a new key?" onConfirm={() => void rotate()} isBusy={action.isBusy} />;
  return (
    <Panel title="Signing keys" about="A new key is published first, and signs once caches know it." actions={data && button}>
      {data === null && <Waiting error={error} />}
      <Fault>{action.error}</Fault>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">Key</th>
              <th scope="col">Algorithm</th>
              <th scope="col">State</th>
              <th scope="col">Made</th>
              <th scope="col">Changes</th>
            </tr>
          </thead>
          <tbody>
            {data?.signingKeys.map((key) => (
              <tr key={key.id}>
                <th scope="row">
                  <code>{key.id}</code>
                </th>
                <td>{key.algorithm}</td>
                <td>
                  <span class={`badge key-${key.state}`}>{STATES[key.state]}</span>
                </td>
                <td>
                  <Time at={key.createdAt} />
                </td>
                <td>
                  {key.state === "PUBLISHED" && (
                    <>
                      signs <Time at={key.signsAt} />
                    </>
                  )}
                  {key.retiresAt && (
                    <>
                      deleted <Time at={key.retiresAt} />
                    </>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}
