// The room's frame: who is signed in, where the person is, and whether the page is live.
import { useCallback, useEffect, useState } from "preact/hooks";
import { AccountPage } from "./account/page";
import { AdminPage, hasAdmin } from "./admin/page";
import { IncidentList } from "./incidents/list";
import { IncidentPage } from "./incidents/page";
import { Questions } from "./questions";
import { root, usePlace } from "./router";
import { live, session } from "./session";
import { SignIn } from "./sign-in";
import { Empty, Link } from "./ui/parts";
import { Toasts } from "./ui/toasts";
import { may, VIEWER, type Viewer, ViewerContext } from "./viewer";

const isAnonymous = (): boolean => session.state === "anonymous";

/** Return the signed-in person; undefined while that is not known, null if nobody is. */
function useSignedIn(): { viewer: Viewer | null | undefined; reason: string | null } {
  const [viewer, setViewer] = useState<Viewer | null | undefined>(undefined);
  const [reason, setReason] = useState<string | null>(null);
  const load = useCallback(async () => {
    await session.ready;
    if (isAnonymous()) return setViewer(null);
    const { viewer } = await session.query<{ viewer: Viewer | null }, Record<string, never>>(VIEWER, {});
    // The person may have signed out meanwhile.
    setViewer(isAnonymous() ? null : viewer);
  }, []);
  useEffect(() => {
    const again = () => void load().catch(() => setViewer((before) => before ?? null));
    again();
    const forget = [
      // A renewed token may have other roles.
      session.on("token", again),
      session.on("changed", again),
      session.on("signedIn", () => setReason(null)),
      session.on("signedOut", () => setReason("You are signed out.")),
      session.on("expired", () => setReason("Your session has ended. Sign in again.")),
    ];
    return () => forget.forEach((each) => each());
  }, [load]);
  return { viewer, reason };
}

export function App() {
  const { viewer, reason } = useSignedIn();
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      {viewer === undefined ? (
        <p class="empty" role="status">
          Loading …
        </p>
      ) : viewer === null ? (
        <SignIn reason={reason} />
      ) : (
        <ViewerContext.Provider value={viewer}>
          <Frame viewer={viewer} />
        </ViewerContext.Provider>
      )}
      <Questions />
      <Toasts />
    </>
  );
}

function Frame({ viewer }: { viewer: Viewer }) {
  const [part, id] = usePlace();
  const current = (name: string | undefined) => (part === name ? "page" : undefined);
  return (
    <>
      <header class="top">
        <Link to={[]} class="brand">
          Incident room
        </Link>
        <nav aria-label="Room">
          <Link to={[]} aria-current={part === undefined || part === "incidents" ? "page" : undefined}>
            Incidents
          </Link>
          {hasAdmin(may(viewer)) && (
            <Link to={["admin"]} aria-current={current("admin")}>
              Administration
            </Link>
          )}
          <Link to={["account"]} aria-current={current("account")}>
            Account
          </Link>
          <a href={root.href}>Status page</a>
        </nav>
        <span class="who">
          <LiveSign />
          <span class="name">{viewer.name ?? viewer.id}</span>
          <button type="button" class="small" onClick={() => void session.signOut().catch(() => {})}>
            Sign out
          </button>
        </span>
      </header>
      <main id="main" tabIndex={-1}>
        <Page part={part} id={id} />
      </main>
    </>
  );
}

function Page({ part, id }: { part: string | undefined; id: string | undefined }) {
  if (part === undefined) return <IncidentList />;
  if (part === "incidents" && id) return <IncidentPage key={id} id={id} />;
  if (part === "account") return <AccountPage />;
  if (part === "admin") return <AdminPage part={id} />;
  return <Empty>There is no such page.</Empty>;
}

/** Whether what the page shows is live; nothing on a page that follows nothing. */
function LiveSign() {
  const [state, set] = useState<"idle" | "live" | "waiting">("idle");
  useEffect(() => {
    const forget = [
      live.on("connected", () => set("live")),
      live.on("renewed", () => set("live")),
      live.on("closed", () => set("idle")),
      live.on("waiting", () => set("waiting")),
    ];
    return () => forget.forEach((each) => each());
  }, []);
  return (
    <span class={`live is-${state}`} role="status">
      {state === "live" ? "Live" : state === "waiting" ? "Reconnecting …" : ""}
    </span>
  );
}
