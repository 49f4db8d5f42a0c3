// npm run conformance [-- --write | --check]: runs the official kits, the official examples and our own scenarios on every store and prints
// what passed, as a table. --write puts it into README.md, --check fails when the README says something else.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tableOf, withTable } from "./conformance-table.mjs";
import { fail, root } from "./setup.mjs";

const FILES = ["ctk", "run-examples", "scenarios"].map((name) => `test/conformance/${name}.test.ts`);
const FLAGS = ["--write", "--check"];

const flags = process.argv.slice(2);
const unknown = flags.find((flag) => !FLAGS.includes(flag));
if (unknown !== undefined) fail(`unknown: ${unknown}; npm run conformance [-- ${FLAGS.join(" | ")}]`);
const stores = process.env.STORES ?? "all";
if (flags.length > 0 && stores !== "all") fail("the README shows every store: leave STORES alone");

const directory = mkdtempSync(join(tmpdir(), "durabull-conformance-"));
const report = join(directory, "report.json");
const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
const { status } = spawnSync(process.execPath, ["scripts/test.mjs", ...FILES, ...reporters], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, STORES: stores },
});
const table = tableOf(JSON.parse(readFileSync(report, "utf8")));
rmSync(directory, { recursive: true });
process.stdout.write(`\n${table}\n`);

const readme = join(root, "README.md");
const before = readFileSync(readme, "utf8");
const after = withTable(before, table);
if (flags.includes("--write")) writeFileSync(readme, after);
else if (stores === "all" && after !== before) {
  process.stdout.write("\nREADME.md shows other figures: npm run conformance -- --write\n");
  if (flags.includes("--check")) process.exit(1);
}
process.exit(status ?? 1);
