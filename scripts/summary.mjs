// Prints `N passed, N failed, N skipped` of a report of vitest's json reporter, as the last line of a run.
import { existsSync, readFileSync } from "node:fs";

const path = process.argv[2] ?? "";
const files = existsSync(path) ? JSON.parse(readFileSync(path, "utf8")).testResults : undefined;
const tests = (files ?? []).flatMap((file) => file.assertionResults.map(({ status }) => status));
const count = (...statuses) => tests.filter((status) => statuses.includes(status)).length;
// A file that could not be loaded holds no test that failed; a run without a report did not get that far.
const broken = (files ?? []).filter(
  (file) => file.status === "failed" && !file.assertionResults.some(({ status }) => status === "failed"),
).length;
const failed = count("failed") + broken + (files === undefined ? 1 : 0);
process.stdout.write(
  `${count("passed")} passed, ${failed} failed, ${count("skipped", "pending", "todo", "disabled")} skipped\n`,
);
