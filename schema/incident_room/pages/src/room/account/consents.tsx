// The applications that act for the person.
import { useAction, useQuery } from "../data";
import { Confirm, Empty, Fault, Time, Waiting } from "../ui/parts";
import { Panel } from "../ui/panel";
import { CONSENTS, WITHDRAW } from "./documents";

interface Consent {
  client: string;
  name: string;
  grantedAt: string;
  scopes: { name: string; description: string }[];
}


export function Consents() {
  const { data, error, reload } = useQuery<{ consents: Consent[] }>(CONSENTS);
  const action = useAction();
  const withdraw = async (client: string) => {
    if (await action.run(WITHDRAW, { client })) await reload();
  };
  return (
    <Panel title="Applications" about="What you have allowed other applications to do in your name.">
      {data === null ? <Waiting error={error} /> : !data.consents.length && <Empty>No application acts for you.</Empty>}
      <ul class="things">
        {data?.consents.map(({ client, name, grantedAt, scopes }) => (
          <li key={client}>
            <div class="grow">
              <strong>{name}</strong>{" "}
              <span class="quiet">
                since <Time at={grantedAt} />
              </span>
              <ul class="quiet">
                {scopes.map((scope) => (
                  <li key={scope.name}>{scope.description}</li>
                ))}
              </ul>
            </div>
            <Confirm label="Withdraw" question={`Stop ${name}?`} onConfirm={() => void withdraw(client)} />
          </li>
        ))}
      </ul>
      <Fault>{action.error}</Fault>
    </Panel>
  );
}
