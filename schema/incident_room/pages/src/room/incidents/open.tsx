// The form that opens an incident.
import { useState } from "preact/hooks";
import { useAction, useQuery } from "../data";
import { go } from "../router";
import { Dialog } from "../ui/dialog";
import { Fault, Field, Input, Select } from "../ui/parts";
import { IMPACTS, STATUSES, words } from "../words";
import { COMPONENTS, OPEN } from "./documents";
import { ComponentChoice, type Component } from "./components";

export function OpenIncident({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const [body, setBody] = useState("");
  const [impact, setImpact] = useState("MINOR");
  const [status, setStatus] = useState("INVESTIGATING");
  const [components, setComponents] = useState<string[]>([]);
  const { data } = useQuery<{ components: Component[] }>(COMPONENTS);
  const { run, isBusy, error } = useAction();
  const submit = async (event: Event) => {
    event.preventDefault();
    const input = { name, body, impact, status, components };
    const made = await run<{ openIncident: { id: string } }>(OPEN, { input });
    if (made === null) return;
    onClose();
    go("incidents", made.openIncident.id);
  };
  return (
    <Dialog title="Open an incident" onClose={onClose} isWide>
      <form onSubmit={submit}>
        <Input label="Name" required maxLength={255} value={name} onText={setName} hint="The public sees it. Say what customers notice." />
        <div class="two">
          <Select label="Impact" value={impact} options={IMPACTS.map((each) => [each, words(each)])} onChoose={setImpact} />
          <Select label="Status" value={status} options={STATUSES.map((each) => [each, words(each)])} onChoose={setStatus} />
        </div>
        <Field label="First update">
          {(id) => <textarea id={id} rows={4} required value={body} onInput={(event) => setBody(event.currentTarget.value)} />}
        </Field>
        <ComponentChoice all={data?.components ?? []} chosen={components} onChoose={setComponents} />
        <Fault>{error}</Fault>
        <div class="actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button class="primary" disabled={isBusy}>
            Open
          </button>
        </div>
      </form>
    </Dialog>
  );
}
