// Where the person is signed in.
import { useAction, useQuery } from "../data";
import { Confirm, Fault, Time, Waiting } from "../ui/parts";
import { Panel } from "../ui/panel";
import { factors } from "../words";
import { REVOKE_SESSION, SESSIONS, SIGN_OUT_ELSEWHERE } from "./documents";

interface Session {
  id: string;
  label: string;
  createdAt: string;
  usedAt: string;
  address: string;
  current: boolean;
  methods: string[];
}


export function Sessions() {
  const { data, error, reload } = useQuery<{ sessions: Session[] }>(SESSIONS);
  const action = useAction();
  const act = async (document: string, variables = {}) => {
    if (await action.run(document, variables)) await reload();
  };
  return (
    <Panel title="Sessions" about="Where you are signed in.">
      {data === null ? <Waiting error={error} /> : null}
      <ul class="things">
        {data?.sessions.map((session) => (
          <li key={session.id}>
            <div class="grow">
              <strong>{session.label || "Unknown device"}</strong> {session.current && <span class="badge">This one</span>}
              <p class="quiet">
                {session.address} · used <Time at={session.usedAt} /> · by {factors(session.methods)}
              </p>
            </div>
            {!session.current && <Confirm label="End" question="End this session?" onConfirm={() => void act(REVOKE_SESSION, { id: session.id })} />}
          </li>
        ))}
      </ul>
      <Fault>{action.error}</Fault>
      {(data?.sessions.length ?? 0) > 1 && (
        <Confirm label="End all others" question="Sign out everywhere else?" onConfirm={() => void act(SIGN_OUT_ELSEWHERE)} />
      )}
    </Panel>
  );
}
