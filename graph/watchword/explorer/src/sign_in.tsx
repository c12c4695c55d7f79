// The forms to sign in and to authenticate again: password, one-time or recovery code, passkey.
import { type FormEvent, useState } from "react";
import { WatchwordError } from "watchword-client";
import { hasPasskeys, signInWithPasskey, stepUpWithPasskey } from "watchword-client/passkeys";
import { type Person, inWords } from "./session.js";

// Browsers make no passkeys for an IP address.
const mayHavePasskeys = hasPasskeys() && !/^[\d.]+$|^\[/.test(location.hostname);

// The class of two factors; the other that the server demands is that of a passkey.
const TWO_FACTORS = "http://schemas.openid.net/pape/policies/2007/06/multi-factor";

/** Return a second factor as the server names it: recovery codes are longer than one-time codes. */
function factor(code: string): { otp?: string; recoveryCode?: string } {
  if (!code) return {};
  return code.replace(/[\s-]/g, "").length > 10 ? { recoveryCode: code } : { otp: code };
}

const text = (form: HTMLFormElement, name: string): string => (form.elements.namedItem(name) as HTMLInputElement | null)?.value ?? "";

export function SignIn({ person }: { person: Person }) {
  const [isBusy, setBusy] = useState(false);
  const [needsCode, setNeedsCode] = useState(false);

  async function attempt(work: () => Promise<void>): Promise<void> {
    setBusy(true);
    await work().catch((error: unknown) => {
      const asksForCode = error instanceof WatchwordError && error.code === "mfa_required";
      if (asksForCode) setNeedsCode(true);
      person.fail(asksForCode ? "" : inWords(error));
    });
    setBusy(false);
  }

  function submit(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault();
    const form = event.currentTarget;
    const credentials = { email: text(form, "email"), password: text(form, "password"), ...factor(text(form, "code")) };
    void attempt(() => person.signIn((session) => session.signIn(credentials)));
  }

  return (
    <form onSubmit={submit} aria-label="Sign in">
      <label>
        E-mail
        <input name="email" inputMode="email" autoCapitalize="off" autoComplete="username" required />
      </label>
      <label>
        Password
        <input name="password" type="password" autoComplete="current-password" required />
      </label>
      {needsCode && <Code />}
      <button type="submit" disabled={isBusy}>
        {isBusy ? "Signing in …" : "Sign in"}
      </button>
      {mayHavePasskeys && (
        <button type="button" disabled={isBusy} onClick={() => void attempt(() => person.signIn(signInWithPasskey))}>
          Use a passkey
        </button>
      )}
    </form>
  );
}

function Code() {
  return (
    <label>
      One-time or recovery code
      <input name="code" autoComplete="one-time-code" autoFocus required />
    </label>
  );
}

/** Return what the form asks for, by the classes of which the authentication must be one (RFC 9470): any if there are none. */
function demanded(acrValues: readonly string[]): { about: string; password: boolean; needsCode: boolean } {
  if (acrValues.length === 0) return { about: "This needs a recent sign-in.", password: true, needsCode: false };
  if (acrValues.includes(TWO_FACTORS)) return { about: "This needs a passkey, or a password with a code.", password: true, needsCode: true };
  return { about: mayHavePasskeys ? "This needs a passkey." : "This needs a passkey, and this browser has none for this page.", password: false, needsCode: false };
}

/** Asks to authenticate again, where an operation needs a recent sign-in. */
export function StepUp({ person }: { person: Person }) {
  const asked = person.stepUp!;

  function submit(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault();
    const form = event.currentTarget;
    asked.resolve({ password: text(form, "password"), ...factor(text(form, "code")) });
  }

  async function byPasskey(): Promise<void> {
    try {
      await stepUpWithPasskey(person.session);
      asked.resolve(true);
    } catch (error) {
      person.fail(inWords(error));
    }
  }

  const { about, password, needsCode } = demanded(asked.need.acrValues ?? []);
  return (
    <form onSubmit={submit} aria-label="Authenticate again">
      <span>{about}</span>
      {password && (
        <>
          <label>
            Password
            <input name="password" type="password" autoComplete="current-password" autoFocus required />
          </label>
          <label>
            {needsCode ? "One-time or recovery code" : "Code, if you use one"}
            <input name="code" autoComplete="one-time-code" required={needsCode} />
          </label>
          <button type="submit">Continue</button>
        </>
      )}
      {mayHavePasskeys && (
        <button type="button" onClick={() => void byPasskey()}>
          Use a passkey
        </button>
      )}
      <button type="button" onClick={() => asked.resolve(false)}>
        Cancel
      </button>
    </form>
  );
}
