// npm run build: JavaScript and declarations in dist/, which run under plain Node: dist/src/main.js, dist/workers/*.js.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { binOf, root, setUp } from "./setup.mjs";

setUp();
const dist = join(root, "dist");
rmSync(dist, { recursive: true, force: true });
const { status } = spawnSync(process.execPath, [binOf("typescript", "tsc"), "-p", "tsconfig.build.json"], {
  cwd: root,
  stdio: "inherit",
});
if (status !== 0) process.exit(1);

// What is read at run time stands beside the code that reads it: SQL, Lua, pages, examples.
for (const directory of ["src", "workers", "examples"]) {
  const from = join(root, directory);
  const isAsset = (path) => directory === "examples" || !/\.[cm]?tsx?$/.test(path);
  if (existsSync(from)) cpSync(from, join(dist, directory), { recursive: true, filter: isAsset });
}
// The jq compiler stands on its own, as one file with its types beside it.
const { bundleJq } = await import("./bundle-jq.mjs"); // only now is what it needs sure to be installed
const jq = join(dist, "src/expressions/jq");
for (const path of readdirSync(jq, { recursive: true })) if (/\.js(\.map)?$/.test(path)) rmSync(join(jq, path));
await bundleJq(join(jq, "index.js"));
// Its version is shown, and it says that these are modules, wherever dist/ is taken.
cpSync(join(root, "package.json"), join(dist, "package.json"));
process.stdout.write("built: dist/\n");
