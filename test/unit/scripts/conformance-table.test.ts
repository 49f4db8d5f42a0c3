import { describe, expect, test } from "vitest";
import { tableOf, withTable } from "../../../scripts/conformance-table.mjs";

const KIT = "given the official conformance kit, when a scenario of it is run, then it holds";
const of = (store: string, title: string, status: string, block = KIT) => ({
  ancestorTitles: [store, block],
  title,
  status,
});
const report = (...assertionResults: readonly ReturnType<typeof of>[]) => ({
  testResults: [{ name: "/x/test/conformance/ctk.test.ts", assertionResults }],
});

describe("given a report of vitest", () => {
  test("when cases passed, failed and were skipped, then only what passed counts, for each store that was run", () => {
    const table = tableOf(
      report(
        of("on Redis", "Call Task: a", "passed"),
        of("on Redis", "Call Task: b", "skipped"),
        of("on Redis", "For Task: c", "failed"),
        of("on Redis", "and only what is missing is left out", "passed"),
        of("on PostgreSQL", "Call Task: a", "skipped"),
        of("on the embedded PostgreSQL", "Call Task: a", "passed"),
      ),
    );
    expect(table.split("\n")).toEqual([
      "|  | Redis | embedded PostgreSQL |",
      "| --- | --: | --: |",
      "| **official kit** | **1 / 3** | **1 / 1** |",
      "| Call Task | 1 / 2 | 1 / 1 |",
      "| For Task | 0 / 1 |  |",
    ]);
  });

  test("when a table is put into a text, then what stood between the markers is replaced, and without them it is refused", () => {
    const text = "a\n<!-- conformance: written by `npm run conformance -- --write` -->\nold\n<!-- /conformance -->\nb";
    const written = withTable(text, "| t |");
    expect(written).toContain("-->\n\n| t |\n\n<!-- /conformance -->\nb");
    expect(withTable(written, "| t |")).toBe(written);
    expect(() => withTable("nothing", "| t |")).toThrow("has no");
  });
});
