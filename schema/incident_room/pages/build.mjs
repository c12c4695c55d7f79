// Bundles the pages' scripts and styles into built/: src/NAME/main.ts or main.tsx becomes NAME.js, and NAME.css if it
// imports styles or if src/NAME/main.css is all there is. Each folder of src/ that has such a file is an entry.
import { build } from "esbuild";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const client = join(here, "../../../client/src");
const mains = ["main.ts", "main.tsx", "main.css"];

const entryPoints = readdirSync(join(here, "src"), { withFileTypes: true })
  .filter((each) => each.isDirectory())
  .flatMap(({ name }) => mains.map((main) => ({ in: join(here, "src", name, main), out: name })))
  .filter((entry) => existsSync(entry.in));

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
  // The client is bundled from its sources, so that nothing has to be built before.
  alias: existsSync(client) ? { "watchword-client": client } : {},
  legalComments: "eof",
  logLevel: "warning",
});
