// The dialog that asks the person to authenticate again, by what the operation demands and the person has.
import type { StepUpNeed } from "watchword-client";
import { hasPasskeys, stepUpWithPasskey } from "watchword-client/passkeys";
import { useState } from "preact/hooks";
import { saying, useQuery } from "./data";
import { FACTORS } from "./documents";
import { type Factors, waysOf } from "./factors";
import { go } from "./router";
import { session } from "./session";
import { Dialog } from "./ui/dialog";
import { Fault, Input, Waiting } from "./ui/parts";

interface Props {
  need: StepUpNeed;
  onAnswer: (done: true | null) => void;
}

/** The step-up is done here, so that a wrong password can be said and typed again. */
export function StepUp({ need, onAnswer }: Props) {
  const { data, error } = useQuery<Factors>(FACTORS);
  const isKnown = data !== null || error !== null;
  return (
    <Dialog title="Confirm that it is you" onClose={() => onAnswer(null)}>
      {isKnown ? <Ways need={need} onAnswer={onAnswer} has={data} /> : <Waiting error={null} />}
    </Dialog>
  );
}

function Ways({ need, onAnswer, has }: Props & { has: Factors | null }) {
  const { about, passkey, password, code, isLacking } = waysOf(need.acrValues ?? [], has, hasPasskeys());
  const [error, setError] = useState<string | null>(null);
  const attempt = async (work: () => Promise<void>) => {
    try {
      await work();
      onAnswer(true);
    } catch (why) {
      setError(why instanceof DOMException ? "No passkey was used." : saying(why));
    }
  };
  return (
    <>
      <p>{about}</p>
      {password && <ByPassword code={code} attempt={(given) => attempt(() => session.stepUp(given))} />}
      <Fault>{error}</Fault>
      <div class="actions">
        {passkey && (
          <button type="button" onClick={() => void attempt(() => stepUpWithPasskey(session))}>
            Use a passkey
          </button>
        )}
        {password && (
          <button class="primary" form="step-up">
            Confirm
          </button>
        )}
        {!passkey && !password && (
          <button
            type="button"
            onClick={() => {
              onAnswer(null);
              if (isLacking) go("account");
            }}
          >
            {isLacking ? "Open your account" : "Close"}
          </button>
        )}
      </div>
    </>
  );
}

interface Given {
  password: string;
  otp?: string;
  recoveryCode?: string;
}

function ByPassword({ code, attempt }: { code: "none" | "optional" | "required"; attempt: (given: Given) => Promise<void> }) {
  const [password, setPassword] = useState("");
  const [text, setText] = useState("");
  const submit = (event: Event) => {
    event.preventDefault();
    void attempt(text ? { password, ...secondFactor(text) } : { password });
  };
  return (
    <form id="step-up" onSubmit={submit}>
      <Input label="Password" type="password" autocomplete="current-password" required value={password} onText={setPassword} />
      {code !== "none" && (
        <Input
          label="One-time code"
          hint={code === "required" ? "Of your authenticator app, or a recovery code." : "Only if you use an authenticator app."}
          autocomplete="one-time-code"
          required={code === "required"}
          value={text}
          onText={setText}
        />
      )}
    </form>
  );
}

/** Tell a code of an authenticator app from a recovery code. */
export function secondFactor(text: string): { otp: string } | { recoveryCode: string } {
  const given = text.replaceAll(/\s/g, "");
  return /^\d{6}$/.test(given) ? { otp: given } : { recoveryCode: given };
}
