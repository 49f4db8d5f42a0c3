// npm run check: format and lint, types, layers. All are run, whatever the first says.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { binOf, root, setUp } from "./setup.mjs";

setUp();
const layers = ["src", "workers", "test", "bench", "examples", "bullmq.config.ts"].filter((path) =>
  existsSync(join(root, path)),
);
const checks = [
  ["format and lint", binOf("@biomejs/biome", "biome"), ["check", "."]],
  ["types", binOf("typescript", "tsc"), ["-p", "."]],
  ["layers", binOf("dependency-cruiser", "depcruise"), ["--config", ".dependency-cruiser.cjs", ...layers]],
];
const failed = checks.filter(([name, bin, args]) => {
  process.stdout.write(`── ${name}\n`);
  return spawnSync(process.execPath, [bin, ...args], { cwd: root, stdio: "inherit" }).status !== 0;
});
process.stdout.write(
  failed.length === 0 ? "all checks passed\n" : `failed: ${failed.map(([name]) => name).join(", ")}\n`,
);
process.exit(failed.length === 0 ? 0 : 1);
