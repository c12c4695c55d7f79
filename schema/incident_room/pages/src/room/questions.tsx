// The dialogs that the session asks with: for a one-time code, and for the password again.
import type { SecondFactor } from "watchword-client";
import { hasPasskeys, stepUpWithPasskey } from "watchword-client/passkeys";
import { useEffect, useState } from "preact/hooks";
import { askWith, type Question, session } from "./session";
import { Dialog } from "./ui/dialog";
import { Fault, Input } from "./ui/parts";
import { saying } from "./data";

export function Questions() {
  const [stepUp, setStepUp] = useState<Question<true> | null>(null);
  const [code, setCode] = useState<Question<SecondFactor> | null>(null);
  useEffect(() => askWith((question) => setStepUp(question), (question) => setCode(question)), []);
  // The answer of one person is no answer of the next one.
  useEffect(
    () =>
      session.on("changed", () => {
        setStepUp((open) => (open?.resolve(null), null));
        setCode((open) => (open?.resolve(null), null));
      }),
    [],
  );
  return (
    <>
      {stepUp && (
        <StepUp
          onAnswer={(given) => {
            setStepUp(null);
            stepUp.resolve(given);
          }}
        />
      )}
      {code && (
        <OneTimeCode
          onAnswer={(given) => {
            setCode(null);
            code.resolve(given);
          }}
        />
      )}
    </>
  );
}

function OneTimeCode({ onAnswer }: { onAnswer: (given: SecondFactor | null) => void }) {
  const [text, setText] = useState("");
  const submit = (event: Event) => {
    event.preventDefault();
    const given = text.replaceAll(/\s/g, "");
    onAnswer(/^\d{6}$/.test(given) ? { otp: given } : { recoveryCode: given });
  };
  return (
    <Dialog title="One-time code" onClose={() => onAnswer(null)}>
      <form onSubmit={submit}>
        <p>Enter the code that your authenticator app shows, or a recovery code.</p>
        <Input label="Code" autocomplete="one-time-code" required value={text} onText={setText} />
        <div class="actions">
          <button class="primary">Continue</button>
        </div>
      </form>
    </Dialog>
  );
}

/** The step-up is done here, so that a wrong password can be said and typed again. */
function StepUp({ onAnswer }: { onAnswer: (done: true | null) => void }) {
  const [password, setPassword] = useState("");
  const [otp, setOtp] = useState("");
  const [error, setError] = useState<string | null>(null);
  const attempt = async (work: () => Promise<void>) => {
    try {
      await work();
      onAnswer(true);
    } catch (why) {
      setError(why instanceof DOMException ? "No passkey was used." : saying(why));
    }
  };
  const submit = (event: Event) => {
    event.preventDefault();
    void attempt(() => session.stepUp(otp ? { password, otp } : { password }));
  };
  return (
    <Dialog title="Confirm that it is you" onClose={() => onAnswer(null)}>
      <form onSubmit={submit}>
        <p>This needs a recent sign-in.</p>
        <Input label="Password" type="password" autocomplete="current-password" required value={password} onText={setPassword} />
        <Input label="One-time code" hint="Only if you use an authenticator app." autocomplete="one-time-code" value={otp} onText={setOtp} />
        <Fault>{error}</Fault>
        <div class="actions">
          {hasPasskeys() && (
            <button type="button" onClick={() => void attempt(() => stepUpWithPasskey(session))}>
              Use a passkey
            </button>
          )}
          <button class="primary">Confirm</button>
        </div>
      </form>
    </Dialog>
  );
}
