// The person's password.
import { useState } from "preact/hooks";
import { useAction } from "../data";
import { Fault, Input } from "../ui/parts";
import { Panel } from "../ui/panel";
import { say } from "../ui/toasts";
import { CHANGE_PASSWORD } from "./documents";


export function Password() {
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const { run, isBusy, error } = useAction();
  const submit = async (event: Event) => {
    event.preventDefault();
    if (!(await run(CHANGE_PASSWORD, { current, new: next }))) return;
    setCurrent("");
    setNext("");
    say("The password was changed. You are signed out everywhere else.");
  };
  return (
    <Panel title="Password" about="Changing it signs you out everywhere else.">
      <form onSubmit={submit}>
        <Input label="Current password" type="password" autocomplete="current-password" required value={current} onText={setCurrent} />
        <Input label="New password" type="password" autocomplete="new-password" required minLength={12} value={next} onText={setNext} hint="At least 12 characters." />
        <Fault>{error}</Fault>
        <button disabled={isBusy}>Change the password</button>
      </form>
    </Panel>
  );
}
