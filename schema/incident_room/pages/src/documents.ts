// All documents that the pages send, of which the build makes a manifest of trusted documents.
import { PASSKEY_DOCUMENTS } from "watchword-client/passkeys";
import * as room from "./room/documents";
import * as account from "./room/account/documents";
import * as admin from "./room/admin/documents";
import * as components from "./room/components/documents";
import * as incidents from "./room/incidents/documents";
import * as status from "./status/documents";

// Beside documents, and documents in two forms, these modules export the names of states, as lists.
const texts = (made: object): string[] =>
  Object.values(made).flatMap((each: string | string[] | incidents.Forms) => (typeof each === "string" ? [each] : Array.isArray(each) ? [] : Object.values(each)));

export const documents: string[] = [...[room, account, admin, components, incidents, status].flatMap(texts), ...PASSKEY_DOCUMENTS];
