// The forms inside the dialogs that change an incident.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { type Page, usePaged, useQuery } from "../data";
import { Fault, Field, More, Select, Waiting } from "../ui/parts";
import type { Versioned } from "../versioned";
import { IMPACTS, MAINTENANCE, STATUSES, words } from "../words";
import { type Component, ComponentChoice } from "./components";
import { AFFECT, ASSIGN, COMPONENTS, IMPACT, type Incident, MEMBERS, RESOLVE, STATUS } from "./documents";

interface Props {
  incident: Incident;
  versioned: Versioned;
  onClose: () => void;
}

interface FormProps extends Pick<Props, "versioned" | "onClose"> {
  button: string;
  onSubmit: () => void;
  children: ComponentChildren;
}

function Form({ versioned, onClose, button, onSubmit, children }: FormProps) {
  const submit = (event: Event) => {
    event.preventDefault();
    onSubmit();
  };
  return (
    <form onSubmit={submit}>
      {children}
      <Fault>{versioned.error}</Fault>
      <div class="actions">
        <button type="button" onClick={onClose}>
          Cancel
        </button>
        <button class="primary" disabled={versioned.isBusy}>
          {button}
        </button>
      </div>
    </form>
  );
}

/** Status, impact and resolution: a choice, and for two of them a public sentence. */
export function Other({ kind, incident, versioned, onClose }: Props & { kind: string }) {
  const isMaintenance = incident.impact === "MAINTENANCE";
  const statuses = isMaintenance ? MAINTENANCE : STATUSES;
  const options = (kind === "impact" ? IMPACTS : statuses).map((each): [string, string] => [each, words(each)]);
  const [chosen, choose] = useState<string>(kind === "impact" ? incident.impact : incident.status);
  const [body, setBody] = useState("");
  const said = body ? { body } : {};
  const submit = () => {
    if (kind === "impact") void versioned.send(IMPACT, { impact: chosen }, "Another impact", words(chosen), onClose);
    else if (kind === "status") void versioned.send(STATUS, { status: chosen, ...said }, `Status ${words(chosen)}`, body, onClose);
    else void versioned.send(RESOLVE, said, isMaintenance ? "Complete the maintenance" : "Resolve the incident", body, onClose);
  };
  const button = kind === "resolve" ? (isMaintenance ? "Complete" : "Resolve") : "Change";
  return (
    <Form versioned={versioned} onClose={onClose} button={button} onSubmit={submit}>
      {kind !== "resolve" && <Select label={words(kind)} value={chosen} options={options} onChoose={choose} />}
      {kind !== "impact" && (
        <Field label="What the public should know" hint="May stay empty.">
          {(id, described) => <textarea id={id} aria-describedby={described} rows={3} value={body} onInput={(event) => setBody(event.currentTarget.value)} />}
        </Field>
      )}
    </Form>
  );
}

interface Member {
  id: string;
  name: string;
  roles: string[];
  disabled: boolean;
}

export function Commander({ incident, versioned, onClose }: Props) {
  const list = usePaged<{ members: Page<Member> }, Member>(MEMBERS, {}, ({ members }) => members);
  const { data, error, nodes } = list;
  const [member, setMember] = useState(incident.commander?.id ?? "");
  if (data === null) return <Waiting error={error} />;
  const able = nodes.filter(({ roles, disabled }) => !disabled && roles.some((role) => role !== "VIEWER"));
  const options: [string, string][] = [["", "Nobody"], ...able.map(({ id, name }): [string, string] => [id, name])];
  const name = able.find(({ id }) => id === member)?.name ?? "Nobody";
  const submit = () => void versioned.send(ASSIGN, { member: member || null }, "Another commander", name, onClose);
  return (
    <Form versioned={versioned} onClose={onClose} button="Assign" onSubmit={submit}>
      <Select label="Commander" value={member} options={options} onChoose={setMember} />
      <More list={list} what="members" />
    </Form>
  );
}

export function Components({ incident, versioned, onClose }: Props) {
  const { data, error } = useQuery<{ components: Component[] }>(COMPONENTS);
  const [chosen, setChosen] = useState(incident.components.map(({ id }) => id));
  if (data === null) return <Waiting error={error} />;
  const names = data.components.filter(({ id }) => chosen.includes(id)).map(({ name }) => name);
  const submit = () => void versioned.send(AFFECT, { components: chosen }, "Other components", names.join(", ") || "none", onClose);
  return (
    <Form versioned={versioned} onClose={onClose} button="Save" onSubmit={submit}>
      <ComponentChoice all={data.components} chosen={chosen} onChoose={setChosen} />
    </Form>
  );
}
