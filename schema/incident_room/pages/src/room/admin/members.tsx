// Members and their roles.
import { useState } from "preact/hooks";
import { type Page, useAction, usePaged } from "../data";
import { Dialog } from "../ui/dialog";
import { Confirm, Fault, More, Waiting } from "../ui/parts";
import { Panel } from "../ui/panel";
import { Table } from "../ui/table";
import { useViewer } from "../viewer";
import { ROLES, words } from "../words";
import { DISABLE_MEMBER, ENABLE_MEMBER, MEMBERS, SET_ROLES, SIGN_OUT } from "./documents";

interface Member {
  id: string;
  name: string;
  email: string | null;
  roles: string[];
  disabled: boolean;
  version: number;
}


export function Members() {
  const { may } = useViewer();
  const list = usePaged<{ members: Page<Member> }, Member>(MEMBERS, {}, ({ members }) => members);
  const { data, error, nodes, reload } = list;
  const [changing, setChanging] = useState<Member | null>(null);
  const action = useAction();
  const act = async (document: string, account: string) => void ((await action.run(document, { account })) && (await reload()));
  const doing = (member: Member) => (
    <span class="actions start">
      <button type="button" class="small" onClick={() => setChanging(member)}>
        Roles
      </button>
      {member.disabled ? (
        <Confirm label="Enable" question={`Let ${member.name} sign in again?`} onConfirm={() => void act(ENABLE_MEMBER, member.id)} />
      ) : (
        <>
          <Confirm label="Sign out" question={`End all sessions of ${member.name}?`} onConfirm={() => void act(SIGN_OUT, member.id)} />
          <Confirm label="Disable" question={`Keep ${member.name} out?`} onConfirm={() => void act(DISABLE_MEMBER, member.id)} />
        </>
      )}
    </span>
  );
  return (
    <Panel title="Members" about="The people that can sign in, and what they may do.">
      {data === null && <Waiting error={error} />}
      <Fault>{action.error}</Fault>
      <Table
        label="Members"
        columns={["Name", "E-mail", "Roles", ...(may.manageMembers ? ["Do"] : [])]}
        rows={nodes.map((member) => ({
          key: member.id,
          cells: [
            <>
              {member.name} {member.disabled && <span class="badge is-CRITICAL">Disabled</span>}
            </>,
            member.email,
            <span class="badges">
              {member.roles.map((role) => (
                <span key={role} class="badge">
                  {words(role)}
                </span>
              ))}
            </span>,
            ...(may.manageMembers ? [doing(member)] : []),
          ],
        }))}
      />
      <More list={list} what="members" />
      {changing && <Roles member={changing} onClose={() => setChanging(null)} onDone={reload} />}
    </Panel>
  );
}

function Roles({ member, onClose, onDone }: { member: Member; onClose: () => void; onDone: () => Promise<void> }) {
  const [roles, setRoles] = useState(member.roles);
  const action = useAction();
  const toggle = (role: string) => setRoles(roles.includes(role) ? roles.filter((each) => each !== role) : [...roles, role]);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (!(await action.run(SET_ROLES, { input: { member: member.id, roles, version: member.version } }))) return;
    onClose();
    await onDone();
  };
  return (
    <Dialog title={`Roles of ${member.name}`} onClose={onClose}>
      <form onSubmit={submit}>
        <fieldset class="choices">
          <legend>Roles</legend>
          {ROLES.map((role) => (
            <label key={role} class="choice">
              <input type="checkbox" checked={roles.includes(role)} onChange={() => toggle(role)} />
              {words(role)}
            </label>
          ))}
        </fieldset>
        <Fault>{action.error}</Fault>
        <div class="actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button class="primary" disabled={action.isBusy}>
            Save
          </button>
        </div>
      </form>
    </Dialog>
  );
}
