// Prints the manifest of a front end with watchword-client alone.
import { manifestOf } from "watchword-client/documents";
import { PASSKEY_DOCUMENTS } from "watchword-client/passkeys";
import { OURS } from "./ours.js";

console.log(JSON.stringify(await manifestOf([...Object.values(OURS), ...PASSKEY_DOCUMENTS])));
