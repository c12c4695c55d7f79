// The dialogs about a component: its status, and a new one.
import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import { type Action, useAction } from "../data";
import { Dialog } from "../ui/dialog";
import { Fault, Field, Input, Select } from "../ui/parts";
import { words } from "../words";
import { type Component, COMPONENT_STATUSES, REGISTER, SET_STATUS } from "./documents";

const STATUSES = COMPONENT_STATUSES.map((each): [string, string] => [each, words(each)]);

interface Props {
  onClose: () => void;
  onDone: () => Promise<void>;
}

interface FormProps extends Props {
  title: string;
  button: string;
  action: Action;
  /** Make the change. Returns null if it failed. */
  change: () => Promise<unknown>;
  children: ComponentChildren;
}

function Form({ title, button, action, change, onClose, onDone, children }: FormProps) {
  const submit = async (event: Event) => {
    event.preventDefault();
    if ((await change()) === null) return;
    onClose();
    await onDone();
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

export function ChangeStatus({ component: { id, name, status, version }, ...rest }: Props & { component: Component }) {
  const [chosen, choose] = useState<string>(status);
  const action = useAction();
  const change = () => action.run(SET_STATUS, { input: { component: id, status: chosen, version } });
  return (
    <Form title={`Status of ${name}`} button="Change" action={action} change={change} {...rest}>
      <Select label="Status" value={chosen} options={STATUSES} onChoose={choose} />
    </Form>
  );
}

/** `groups` are those that there are: the new component joins one of them, or begins another one. */
export function Register({ groups, ...rest }: Props & { groups: string[] }) {
  const [name, setName] = useState("");
  const [group, setGroup] = useState("");
  const [description, setDescription] = useState("");
  const [status, setStatus] = useState("OPERATIONAL");
  const known = useId();
  const action = useAction();
  const change = () => action.run(REGISTER, { input: { name, group: group || null, description: description || null, status } });
  return (
    <Form title="Register a component" button="Register" action={action} change={change} {...rest}>
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
