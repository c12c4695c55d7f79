// One-time codes (TOTP) beside the password, and recovery codes.
import { useState } from "preact/hooks";
import { useAction, useQuery } from "../data";
import { Confirm, Fault, Input, useFocus, Waiting } from "../ui/parts";
import { Panel } from "../ui/panel";
import { QrCode } from "../ui/qr-code";
import { BEGIN_TOTP, CONFIRM_TOTP, DISABLE_TOTP, FACTOR, RENEW_CODES } from "./documents";

interface Setup {
  secret: string;
  uri: string;
}

export function Codes() {
  const { data, error, reload } = useQuery<{ secondFactor: { enabled: boolean; recoveryCodesLeft: number } }>(FACTOR);
  const action = useAction();
  const [setup, setSetup] = useState<Setup | null>(null);
  const [codes, setCodes] = useState<string[] | null>(null);
  const begin = async () => setSetup((await action.run<{ beginTotp: Setup }>(BEGIN_TOTP, {}))?.beginTotp ?? null);
  const confirm = async (otp: string) => {
    const made = await action.run<{ confirmTotp: string[] }>(CONFIRM_TOTP, { otp });
    if (made === null) return;
    setCodes(made.confirmTotp);
    setSetup(null);
    await reload();
  };
  const renew = async () => {
    const made = await action.run<{ makeRecoveryCodes: string[] }>(RENEW_CODES, {});
    if (made !== null) setCodes(made.makeRecoveryCodes);
    await reload();
  };
  const disable = async () => {
    if (await action.run(DISABLE_TOTP, {})) setCodes(null);
    await reload();
  };
  const factor = data?.secondFactor;
  return (
    <Panel title="One-time codes" about="A code of an authenticator app, beside your password.">
      {!factor && <Waiting error={error} />}
      {factor && (
        <p>
          {factor.enabled ? `Required. ${factor.recoveryCodesLeft} recovery codes are left.` : "Not required."}
        </p>
      )}
      {codes && <RecoveryCodes codes={codes} />}
      {setup && <Confirming setup={setup} isBusy={action.isBusy} onConfirm={(otp) => void confirm(otp)} />}
      <Fault>{action.error}</Fault>
      <div class="actions start">
        {factor && !setup && (
          <button type="button" class={factor.enabled ? "small" : ""} disabled={action.isBusy} onClick={() => void begin()}>
            {factor.enabled ? "Use another app" : "Set up codes"}
          </button>
        )}
        {factor?.enabled && (
          <>
            <Confirm label="New recovery codes" question="The old ones become invalid." onConfirm={() => void renew()} />
            <Confirm label="Turn off" question="Stop requiring codes?" onConfirm={() => void disable()} />
          </>
        )}
      </div>
    </Panel>
  );
}

function Confirming({ setup, isBusy, onConfirm }: { setup: Setup; isBusy: boolean; onConfirm: (otp: string) => void }) {
  const [otp, setOtp] = useState("");
  const submit = (event: Event) => {
    event.preventDefault();
    onConfirm(otp.replaceAll(/\s/g, ""));
  };
  return (
    <form onSubmit={submit} class="setup" tabIndex={-1} ref={useFocus<HTMLFormElement>()}>
      <p>
        Scan this picture with your authenticator app, or <a href={setup.uri}>open the app</a> on this device:
      </p>
      <QrCode text={setup.uri} label="QR code for your authenticator app" />
      <p>Without a camera, type this secret:</p>
      <p>
        <code class="secret">{setup.secret.match(/.{1,4}/g)?.join(" ")}</code>
      </p>
      <div class="inline">
        <Input label="The code that it shows now" autocomplete="one-time-code" inputMode="numeric" required value={otp} onText={setOtp} />
        <button class="primary" disabled={isBusy}>
          Require codes
        </button>
      </div>
    </form>
  );
}

const RecoveryCodes = ({ codes }: { codes: string[] }) => (
  <div class="notice" role="status" tabIndex={-1} ref={useFocus<HTMLDivElement>()}>
    <p>
      <strong>Keep these recovery codes.</strong> Each can be used once instead of a code. They are not shown again.
    </p>
    <ul class="codes">
      {codes.map((code) => (
        <li key={code}>
          <code>{code}</code>
        </li>
      ))}
    </ul>
  </div>
);
