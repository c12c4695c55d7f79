// Bundles the explorer into built/: its script and style, the workers of the editor, and the licences of all that is
// in them. Each is one file, so that the page can name all of them with their hashes.
import { build } from "esbuild";
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const client = join(here, "../../../client/src");
const built = join(here, "built");

rmSync(built, { recursive: true, force: true });
const { metafile } = await build({
  absWorkingDir: here,
  entryPoints: {
    explorer: "src/main.tsx",
    "editor.worker": "monaco-editor/esm/vs/editor/editor.worker.js",
    "graphql.worker": "monaco-graphql/esm/graphql.worker.js",
    "json.worker": "monaco-editor/esm/vs/language/json/json.worker.js",
  },
  outdir: built,
  bundle: true,
  minify: true,
  format: "iife",
  target: ["es2022", "safari16"],
  jsx: "automatic",
  define: { "process.env.NODE_ENV": '"production"' },
  loader: { ".ttf": "dataurl" },
  // The client is bundled from its sources, so that nothing has to be built before.
  alias: { "watchword-client": client },
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
});

/** Return the folders of the packages whose files are in a bundle. */
function packages() {
  const found = Object.keys(metafile.inputs).map((path) => path.match(/^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0]);
  return [...new Set(found)].filter(Boolean).sort();
}

function licence(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(here, folder, "package.json"), "utf8"));
  const file = readdirSync(join(here, folder)).find((each) => /^licen[cs]e/i.test(each));
  return `${name} ${version} (${license})\n\n${file ? readFileSync(join(here, folder, file), "utf8") : ""}`;
}

writeFileSync(join(built, "LICENSES.txt"), packages().map(licence).join(`\n${"-".repeat(80)}\n\n`));
if (!existsSync(join(built, "explorer.css"))) throw new Error("The explorer has no style.");
