// The person's own account.
import { Title } from "../ui/parts";
import { useViewer } from "../viewer";
import { words } from "../words";
import { Codes } from "./codes";
import { Consents } from "./consents";
import { Passkeys } from "./passkeys";
import { Password } from "./password";
import { Sessions } from "./sessions";

export function AccountPage() {
  const { name, email, roles } = useViewer();
  return (
    <>
      <Title>Account</Title>
      <p class="quiet">
        {name} · {email} · {roles.map(words).join(", ")}
      </p>
      <div class="panels">
        <Sessions />
        <Passkeys />
        <Codes />
        <Password />
        <Consents />
      </div>
    </>
  );
}
