// The person's passkeys.
import { useState } from "preact/hooks";
import { addPasskey, hasPasskeys } from "watchword-client/passkeys";
import { saying, useAction, useQuery } from "../data";
import { session } from "../session";
import { Confirm, Empty, Fault, Input, Time, Waiting } from "../ui/parts";
import { Panel } from "../ui/panel";
import { PASSKEYS, REMOVE_PASSKEY } from "./documents";

interface Passkey {
  id: string;
  name: string;
  createdAt: string;
  usedAt: string | null;
}


export function Passkeys() {
  const { data, error, reload } = useQuery<{ passkeys: Passkey[] }>(PASSKEYS);
  const action = useAction();
  const [name, setName] = useState("");
  const [fault, setFault] = useState<string | null>(null);
  const add = async (event: Event) => {
    event.preventDefault();
    setFault(null);
    try {
      await addPasskey(session, name);
      setName("");
      await reload();
    } catch (why) {
      setFault(why instanceof DOMException ? "No passkey was made." : saying(why));
    }
  };
  return (
    <Panel title="Passkeys" about="Sign in with your device instead of a password.">
      {data === null ? <Waiting error={error} /> : !data.passkeys.length && <Empty>You have none yet.</Empty>}
      <ul class="things">
        {data?.passkeys.map((passkey) => (
          <li key={passkey.id}>
            <div class="grow">
              <strong>{passkey.name}</strong>
              <p class="quiet">
                made <Time at={passkey.createdAt} />
                {passkey.usedAt && (
                  <>
                    {" "}
                    · used <Time at={passkey.usedAt} />
                  </>
                )}
              </p>
            </div>
            <Confirm
              label="Remove"
              question="Remove this passkey?"
              onConfirm={async () => void ((await action.run(REMOVE_PASSKEY, { id: passkey.id })) && (await reload()))}
            />
          </li>
        ))}
      </ul>
      <Fault>{fault ?? action.error}</Fault>
      {hasPasskeys() && (
        <form class="inline" onSubmit={add}>
          <Input label="Name of the new passkey" required maxLength={100} value={name} onText={setName} />
          <button disabled={action.isBusy}>Add a passkey</button>
        </form>
      )}
    </Panel>
  );
}
