// The first page: sign in by password, with a one-time code if one is needed, or by passkey.
import { useState } from "preact/hooks";
import { hasPasskeys, signInWithPasskey } from "watchword-client/passkeys";
import { codeOf, saying } from "./data";
import { session } from "./session";
import { Fault, Input, Title } from "./ui/parts";

const REFUSALS: Record<string, string> = {
  invalid_grant: "This e-mail address and password do not fit.",
  mfa_required: "A one-time code is needed. Sign in again.",
};

/** The sign-in. With `onSignOut`, the person may try again to sign out. */
export function SignIn({ reason, onSignOut }: { reason: string | null; onSignOut: (() => void) | null }) {
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [error, setError] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const attempt = async (work: () => Promise<unknown>) => {
    setBusy(true);
    setError(null);
    try {
      await work();
    } catch (why) {
      setError(REFUSALS[codeOf(why)] ?? (why instanceof DOMException ? "No passkey was used." : saying(why)));
    } finally {
      setBusy(false);
    }
  };
  const submit = (event: Event) => {
    event.preventDefault();
    void attempt(() => session.signIn({ email, password }));
  };
  return (
    <main class="sign-in" id="main" tabIndex={-1}>
      <form onSubmit={submit} class="card">
        <Title>Incident room</Title>
        <p class="quiet" role="status">
          {reason ?? "Sign in to respond to incidents."}
        </p>
        {onSignOut && (
          <button type="button" onClick={onSignOut}>
            Sign out again
          </button>
        )}
        <Input label="E-mail" type="email" autocomplete="username" required value={email} onText={setEmail} />
        <Input label="Password" type="password" autocomplete="current-password" required value={password} onText={setPassword} />
        <Fault>{error}</Fault>
        <button class="primary" disabled={isBusy}>
          Sign in
        </button>
        {hasPasskeys() && (
          <button type="button" disabled={isBusy} onClick={() => void attempt(() => signInWithPasskey(session))}>
            Use a passkey
          </button>
        )}
      </form>
    </main>
  );
}
