// npm run bench NAME [-- arguments]: runs bench/NAME.ts; w1 … w7, one or several, are workloads of bench/workloads.ts.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fail, root, runTypeScript, setUp } from "./setup.mjs";

setUp();
const directory = join(root, "bench");
const names = existsSync(directory)
  ? readdirSync(directory)
      .filter((file) => file.endsWith(".ts"))
      .map((file) => file.slice(0, -".ts".length))
  : [];
if (/^w[1-7]$/.test(process.argv[2] ?? "")) process.argv.splice(2, 0, "workloads");
const name = process.argv[2];
if (name === undefined || !names.includes(name))
  fail(`usage: npm run bench NAME, with a NAME of w1 … w7 or ${names.join(", ") || "none yet"}`);
// The benchmark finds its own arguments where every program does.
process.argv.splice(1, 2, join(directory, `${name}.ts`));
await runTypeScript(`bench/${name}.ts`);
