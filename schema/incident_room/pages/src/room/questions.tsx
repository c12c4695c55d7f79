// The dialogs that the session asks with: for a one-time code, and for another authentication.
import type { SecondFactor, StepUpNeed } from "watchword-client";
import { useEffect, useState } from "preact/hooks";
import { askWith, type Question, session } from "./session";
import { Dialog } from "./ui/dialog";
import { Input } from "./ui/parts";
import { StepUp, secondFactor } from "./step-up";

export function Questions() {
  const [stepUp, setStepUp] = useState<Question<true, StepUpNeed> | null>(null);
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
          need={stepUp.about}
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
    onAnswer(secondFactor(text));
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
