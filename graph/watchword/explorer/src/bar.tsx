// The bar above GraphiQL: who is signed in, until when, and with how many scopes.
import { type FormEvent, useRef } from "react";
import type { Person } from "./session.js";
import { SignIn, StepUp } from "./sign_in.js";

export function Bar({ person }: { person: Person }) {
  const { state } = person.session;
  return (
    <header className="bar">
      <h1>Watchword</h1>
      {person.problem && <p role="alert">{person.problem}</p>}
      {state === "restoring" && <p role="status">Looking who is signed in …</p>}
      {state === "anonymous" && <SignIn person={person} />}
      {state === "signedIn" && (person.stepUp ? <StepUp person={person} /> : <SignedIn person={person} />)}
    </header>
  );
}

function SignedIn({ person }: { person: Person }) {
  const end = new Date((person.session.claims?.exp ?? 0) * 1_000);
  return (
    <>
      <p role="status">
        Signed in as <strong>{person.name}</strong>, renewed before <time dateTime={end.toISOString()}>{end.toLocaleTimeString(undefined, { timeStyle: "short" })}</time>
      </p>
      {person.scopes.length > 1 && <ActAs person={person} />}
      <button type="button" className="sign-out" onClick={() => void person.signOut()}>
        Sign out
      </button>
    </>
  );
}

/** Lets the person act with fewer scopes, to see what another would see. */
function ActAs({ person }: { person: Person }) {
  const menu = useRef<HTMLDetailsElement>(null);
  const { scopes, acting } = person;

  function submit(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault();
    const kept = new FormData(event.currentTarget).getAll("scope") as string[];
    menu.current!.open = false;
    void person.actWith(kept.length === scopes.length || !kept.length ? null : kept);
  }

  return (
    <details className="act-as" ref={menu}>
      <summary>{acting ? `Acting with ${acting.length} of ${scopes.length} scopes` : "Act as …"}</summary>
      <form onSubmit={submit} aria-label="Act as">
        <p>See what somebody with fewer scopes would see. Your roles stay, and so does your session.</p>
        {scopes.map((scope) => (
          <label key={scope}>
            <input type="checkbox" name="scope" value={scope} defaultChecked={!acting || acting.includes(scope)} />
            {scope}
          </label>
        ))}
        <button type="submit">Apply</button>
        <button type="button" onClick={() => void person.actWith(null)}>
          All scopes
        </button>
      </form>
    </details>
  );
}
