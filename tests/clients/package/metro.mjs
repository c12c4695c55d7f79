// Resolve the package as Metro does for React Native, from an app that imports each entry: everything that is imported
// from then on must be found. Options: folder (of the app), entries (specifiers), platform.
import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import * as metro from "metro-resolver";

const { folder, entries, platform } = JSON.parse(process.env.CLIENT_OPTIONS);
const read = (path) => (existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : null);
const warnings = [];

/** The context that Metro makes with React Native's default configuration. */
const context = (originModulePath) => ({
  originModulePath,
  isESMImport: true,
  allowHaste: false,
  assetExts: new Set(["png"]),
  customResolverOptions: {},
  disableHierarchicalLookup: false,
  dev: true,
  doesFileExist: (path) => existsSync(path) && statSync(path).isFile(),
  extraNodeModules: null,
  fileSystemLookup: (path) => existsSync(path) ? { exists: true, type: statSync(path).isFile() ? "f" : "d", realPath: realpathSync(path) } : { exists: false },
  getPackage: read,
  getPackageForModule: (path) => packageOf(path, path),
  mainFields: ["react-native", "browser", "main"],
  nodeModulesPaths: [],
  preferNativePlatform: true,
  redirectModulePath: (path) => path,
  resolveAsset: () => null,
  resolveHasteModule: () => null,
  resolveHastePackage: () => null,
  sourceExts: ["js", "jsx", "json", "ts", "tsx"],
  unstable_conditionNames: ["react-native"],
  unstable_conditionsByPlatform: { web: ["browser"] },
  unstable_enablePackageExports: true,
  unstable_incrementalResolution: false,
  unstable_logWarning: (text) => warnings.push(text),
});

function packageOf(path, at) {
  const packageJson = read(join(at, "package.json"));
  if (packageJson) return { packageJson, rootPath: at, packageRelativePath: path.slice(at.length + 1) };
  return dirname(at) === at ? null : packageOf(path, dirname(at));
}

// What the package imports, and no more: its own modules, and the library of an adapter.
const IMPORT = /(?:from|import)\s*\(?\s*"([^"]+)"/g;
const found = {}, waiting = entries.map((name) => [join(folder, "App.js"), name]);
for (const [origin, name] of waiting) {
  const { filePath } = metro.resolve(context(origin), name, platform);
  if (found[filePath] !== undefined) continue;
  found[filePath] = name;
  if (!filePath.includes("/watchword-client/")) continue;
  for (const [, each] of readFileSync(filePath, "utf8").matchAll(IMPORT)) waiting.push([filePath, each]);
}
const version = createRequire(import.meta.url)("metro-resolver/package.json").version;
process.stdout.write(`${JSON.stringify({ step: "resolved", found, warnings, version })}\n`);
