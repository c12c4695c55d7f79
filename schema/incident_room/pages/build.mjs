// Bundles the pages' scripts and styles into built/: src/NAME/main.ts or main.tsx becomes NAME.js, and NAME.css if it
// imports styles or if src/NAME/main.css is all there is. Each folder of src/ that has such a file is an entry.
// built/documents.json is the manifest of the documents that all of them send (src/documents.ts).
import { build } from "esbuild";
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const client = join(here, "../../../client/src");
const mains = ["main.ts", "main.tsx", "main.css"];

const entryPoints = readdirSync(join(here, "src"), { withFileTypes: true })
  .filter((each) => each.isDirectory())
  .flatMap(({ name }) => mains.map((main) => ({ in: join(here, "src", name, main), out: name })))
  .filter((entry) => existsSync(entry.in));

// The client is bundled from its sources, so that nothing has to be built before.
const alias = existsSync(client) ? { "watchword-client": client } : {};

rmSync(join(here, "built"), { recursive: true, force: true });
await build({
  entryPoints,
  outdir: join(here, "built"),
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2022", "safari16"],
  jsx: "automatic",
  jsxImportSource: "preact",
  alias,
  legalComments: "eof",
  logLevel: "warning",
});

const manifest = `
  import { manifestOf } from "watchword-client/documents";
  import { documents } from "./src/documents";
  export const manifest = await manifestOf(documents);`;
const made = await build({
  stdin: { contents: manifest, resolveDir: here },
  bundle: true,
  write: false,
  format: "esm",
  target: "es2022",
  alias,
  logLevel: "warning",
});
const module = await import(`data:text/javascript;base64,${Buffer.from(made.outputFiles[0].contents).toString("base64")}`);
writeFileSync(join(here, "built/documents.json"), `${JSON.stringify(module.manifest, null, 1)}\n`);
