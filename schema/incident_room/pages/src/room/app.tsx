// The room's frame: who is signed in, where the person is, and whether the page is live.
import { useEffect, useState } from "preact/hooks";
import { AccountPage } from "./account/page";
import { AdminPage, hasAdmin } from "./admin/page";
import { ComponentsPage } from "./components/page";
import { IncidentList } from "./incidents/list";
import { IncidentPage } from "./incidents/page";
import { Questions } from "./questions";
import { root, usePlace } from "./router";
import { live } from "./session";
import { SignIn } from "./sign-in";
import { UNTOLD, useSignedIn } from "./signed-in";
import { Empty, Link } from "./ui/parts";
import { Toasts } from "./ui/toasts";
import { may, type Viewer, ViewerContext } from "./viewer";

export function App() {
  const { viewer, reason, signOut } = useSignedIn();
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
        <SignIn reason={reason} onSignOut={reason === UNTOLD ? signOut : null} />
      ) : (
        <ViewerContext.Provider value={viewer}>
          {/* Nothing that one person has typed or seen stays for the next one. */}
          <Frame key={viewer.id} viewer={viewer} onSignOut={signOut} />
        </ViewerContext.Provider>
      )}
      <Questions />
      <Toasts />
    </>
  );
}

function Frame({ viewer, onSignOut }: { viewer: Viewer; onSignOut: () => void }) {
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
          {may(viewer).keepComponents && (
            <Link to={["components"]} aria-current={current("components")}>
              Components
            </Link>
          )}
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
          <button type="button" class="small" onClick={onSignOut}>
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
  if (part === "components") return <ComponentsPage />;
  if (part === "account") return <AccountPage />;
  if (part === "admin") return <AdminPage part={id} />;
  return <Empty>There is no such page.</Empty>;
}

/** Whether what the page shows is live; nothing on a page that follows nothing. */
function LiveSign() {
  const [state, set] = useState<keyof typeof SIGNS>("idle");
  useEffect(() => {
    const forget = [
      live.on("connected", () => set("live")),
      live.on("renewed", () => set("live")),
      live.on("closed", ({ reason }) => set(reason === ENDED ? "ended" : "idle")),
      live.on("waiting", () => set("waiting")),
    ];
    return () => forget.forEach((each) => each());
  }, []);
  return (
    <>
      <span class={`live is-${state}`} role="status">
        {SIGNS[state]}
      </span>
      {state === "ended" && (
        <button type="button" class="small" onClick={() => location.reload()}>
          Connect again
        </button>
      )}
    </>
  );
}

const ENDED = "ended by an administrator";
const SIGNS = { idle: "", live: "Live", waiting: "Reconnecting …", ended: "Not live: an administrator ended this connection." };
