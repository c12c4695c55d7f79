// The proofs of the key that the page's tokens are bound to, where the server requires one (WATCHWORD_DPOP=required).
import type { Prover } from "watchword-client";

/** Return what proves the key, if the page's HTML says that tokens have to be bound. Its script is fetched only then. */
export function proverOf({ issuer, dpop }: DOMStringMap): Prover | undefined {
  if (!issuer || !dpop) return undefined;
  // Relative to the address that the page was loaded from; the room's links change it.
  const script = new URL(dpop, location.href).href;
  let loading: Promise<Prover> | undefined;
  const load = () =>
    (loading ??= made(issuer, script).catch((error: unknown) => {
      // The network may be back at the next attempt.
      loading = undefined;
      throw error;
    }));
  return {
    proof: async (...given) => (await load()).proof(...given),
    learn: async (refusal) => (await (await load()).learn?.(refusal)) ?? false,
  };
}

async function made(issuer: string, script: string): Promise<Prover> {
  const { createDpop } = (await import(script)) as typeof import("../dpop/main");
  // A proxy may have put the issuer's path before that of the page already.
  return createDpop({ issuer: new URL(issuer).origin });
}
