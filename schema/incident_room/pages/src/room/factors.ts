// By what a person may authenticate again: what an operation demands (RFC 9470), and what the person has.

/** What the person has. */
export interface Factors {
  passkeys: { id: string }[] | null;
  secondFactor: { enabled: boolean } | null;
}

// The classes of the server: a passkey, and two factors, which a passkey is too.
const PASSKEY = "phr";
const TWO_FACTORS = "http://schemas.openid.net/pape/policies/2007/06/multi-factor";

/** What the dialog offers, and what it says. */
export interface Ways {
  about: string;
  passkey: boolean;
  password: boolean;
  code: "none" | "optional" | "required";
  /** Whether the person can do nothing before one of them is added to the account. */
  isLacking: boolean;
}

/** Decide what to offer. `acrValues` are the classes that will do: any if there are none. `has` is null if it is not known. */
export function waysOf(acrValues: readonly string[], has: Factors | null, canUsePasskeys: boolean): Ways {
  const isAny = acrValues.length === 0, mayBeTwo = acrValues.includes(TWO_FACTORS), mayBePasskey = isAny || mayBeTwo || acrValues.includes(PASSKEY);
  const ownsPasskey = has === null || Boolean(has.passkeys?.length), ownsCodes = has === null || Boolean(has.secondFactor?.enabled);
  const passkey = mayBePasskey && ownsPasskey && canUsePasskeys, password = isAny || (mayBeTwo && ownsCodes);
  const code = mayBeTwo || has?.secondFactor?.enabled ? "required" : has ? "none" : "optional";
  const isLacking = mayBePasskey && !ownsPasskey && !password;
  return { about: sentence(), passkey, password, code, isLacking };

  function sentence(): string {
    if (isAny) return "This needs a recent sign-in.";
    if (!mayBePasskey) return `This page has no sign-in of the class that this needs: ${acrValues.join(", ")}.`;
    const needs = mayBeTwo ? "This needs a passkey, or your password with a one-time code." : "This needs a passkey.";
    if (passkey || password) return needs;
    if (!isLacking) return `${needs} This browser cannot use yours on this page: use another one.`;
    return `${needs} ${mayBeTwo ? "You have neither: set up one of them" : "You have none: add one"} in your account, and try again.`;
  }
}
