// Members and their roles.
import { useState } from "preact/hooks";
import { type Page, useAction, usePaged } from "../data";
import { Dialog } from "../ui/dialog";
import { Confirm, Fault, More, Waiting } from "../ui/parts";
import { Panel } from "../ui/panel";
import { Table } from "../ui/table";
import { useVersionedDialog } from "../versioned";
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
  const [changing, setChanging] = useState<string | null>(null);
  const changed = nodes.find(({ id }) => id === changing);
  const action = useAction();
  const act = async (document: string, account: string) => void ((await action.run(document, { account })) && (await reload()));
  const doing = (member: Member) => (
    <span class="actions start">
      <button type="button" class="small" onClick={() => setChanging(member.id)}>
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
      {changed && <Roles key={changed.id} member={changed} onClose={() => setChanging(null)} onDone={reload} />}
    </Panel>
  );
}

const inWords = (roles: string[]): string => ROLES.filter((role) => roles.includes(role)).map(words).join(", ") || "none";

const differences = (before: Member, now: Member): string[] => {
  const roles = [before, now].map((each) => inWords(each.roles));
  return roles[0] === roles[1] ? [] : [`Roles: ${roles.join(" → ")}`];
};

function Roles({ member, onClose, onDone }: { member: Member; onClose: () => void; onDone: () => Promise<void> }) {
  const [roles, setRoles] = useState(member.roles);
  const versioned = useVersionedDialog({ name: "member", now: member, reload: onDone, differences }, onClose);
  const done = () => {
    onClose();
    void onDone();
  };
  const toggle = (role: string) => setRoles(roles.includes(role) ? roles.filter((each) => each !== role) : [...roles, role]);
  const submit = (event: Event) => {
    event.preventDefault();
    void versioned.send(SET_ROLES, { roles }, `Roles of ${member.name}`, inWords(roles), done);
  };
  if (versioned.conflict) return versioned.conflict;
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
        <Fault>{versioned.error}</Fault>
        <div class="actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button class="primary" disabled={versioned.isBusy}>
            Save
          </button>
        </div>
      </form>
    </Dialog>
  );
}
