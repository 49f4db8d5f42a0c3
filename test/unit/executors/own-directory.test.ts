import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ownDirectory, removeAbandoned } from "../../../src/executors/process/own-directory.ts";

/** No process has a number that large. */
const NOBODY = 2 ** 30;

test("given directories of living and dead processes, when the abandoned are removed, then those of the dead are, and nothing else is", async () => {
  const place = mkdtempSync(join(tmpdir(), "durabull-test-"));
  const names = [
    `durabull-run-${NOBODY}-a`,
    `durabull-mcp-${NOBODY}-b`,
    `durabull-run-${process.pid}-c`,
    "durabull-run-d",
  ];
  for (const name of [...names, `other-run-${NOBODY}-e`, `durabull-run-${process.ppid}-f`])
    mkdirSync(join(place, name));
  await removeAbandoned(place);
  const left = (name: string) => existsSync(join(place, name));
  expect(names.map(left)).toEqual([false, false, true, true]);
  expect([left(`other-run-${NOBODY}-e`), left(`durabull-run-${process.ppid}-f`)]).toEqual([true, true]);
  rmSync(place, { recursive: true });
});

test("given a directory of this process, when it is made, then it says whose it is", async () => {
  const directory = await ownDirectory("run");
  expect(directory).toContain(`durabull-run-${process.pid}-`);
  rmSync(directory, { recursive: true });
});
