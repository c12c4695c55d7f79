// The dialogs about a component: its status, and a new one.
import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import { type Action, useAction } from "../data";
import { Dialog } from "../ui/dialog";
import { Fault, Field, Input, Select } from "../ui/parts";
import { useVersionedDialog } from "../versioned";
import { words } from "../words";
import { type Component, COMPONENT_STATUSES, REGISTER, SET_STATUS } from "./documents";

const STATUSES = COMPONENT_STATUSES.map((each): [string, string] => [each, words(each)]);

interface Props {
  onClose: () => void;
  onDone: () => Promise<void>;
}

interface FormProps extends Pick<Props, "onClose"> {
  title: string;
  button: string;
  action: Pick<Action, "isBusy" | "error">;
  change: () => Promise<unknown>;
  children: ComponentChildren;
}

function Form({ title, button, action, change, onClose, children }: FormProps) {
  const submit = (event: Event) => {
    event.preventDefault();
    void change();
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form onSubmit={submit}>
        {children}
        <Fault>{action.error}</Fault>
        <div class="actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button class="primary" disabled={action.isBusy}>
            {button}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

const differences = (before: Component, now: Component): string[] =>
  before.status === now.status ? [] : [`Status: ${words(before.status)} → ${words(now.status)}`];

export function ChangeStatus({ component, onClose, onDone }: Props & { component: Component }) {
  const [chosen, choose] = useState<string>(component.status);
  const versioned = useVersionedDialog({ name: "component", now: component, reload: onDone, differences }, onClose);
  const done = () => {
    onClose();
    void onDone();
  };
  const change = () => versioned.send(SET_STATUS, { status: chosen }, `Status of ${component.name}`, words(chosen), done);
  if (versioned.conflict) return versioned.conflict;
  return (
    <Form title={`Status of ${component.name}`} button="Change" action={versioned} change={change} onClose={onClose}>
      <Select label="Status" value={chosen} options={STATUSES} onChoose={choose} />
    </Form>
  );
}

/** `groups` are those that there are: the new component joins one of them, or begins another one. */
export function Register({ groups, onClose, onDone }: Props & { groups: string[] }) {
  const [name, setName] = useState("");
  const [group, setGroup] = useState("");
  const [description, setDescription] = useState("");
  const [status, setStatus] = useState("OPERATIONAL");
  const known = useId();
  const action = useAction();
  const change = async () => {
    if ((await action.run(REGISTER, { input: { name, group: group || null, description: description || null, status } })) === null) return;
    onClose();
    await onDone();
  };
  return (
    <Form title="Register a component" button="Register" action={action} change={change} onClose={onClose}>
      <Input label="Name" required maxLength={255} value={name} onText={setName} />
      <Input label="Group" hint="May stay empty." list={known} maxLength={255} value={group} onText={setGroup} />
      <datalist id={known}>
        {groups.map((each) => (
          <option key={each} value={each} />
        ))}
      </datalist>
      <Field label="Description" hint="The public sees it. May stay empty.">
        {(id, described) => (
          <textarea id={id} aria-describedby={described} rows={2} maxLength={2_000} value={description} onInput={(event) => setDescription(event.currentTarget.value)} />
        )}
      </Field>
      <Select label="Status" value={status} options={STATUSES} onChoose={setStatus} />
    </Form>
  );
}
