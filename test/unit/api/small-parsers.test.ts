import { expect, test } from "vitest";
import { preferredType } from "../../../src/api/accept.ts";
import { decodeCursor, encodeCursor } from "../../../src/api/cursor.ts";
import { waitDurationMs } from "../../../src/api/wait-duration.ts";

test.each([
  ["30s", 30_000],
  ["500ms", 500],
  ["1m", 60_000],
  ["1.5s", 1_500],
  ["PT30S", 30_000],
  ["PT1M", 60_000],
  ["PT0.05S", 50],
  ["0s", 0],
  ["30", undefined],
  ["PT", undefined],
  ["-1s", undefined],
  ["1h", undefined],
  ["", undefined],
])("given the wait %j, when it is read, then it is %s ms", (text, ms) => {
  expect(waitDurationMs(text)).toBe(ms);
});

const offered = ["application/json", "application/yaml"];
test.each([
  [undefined, "application/json"],
  ["*/*", "application/json"],
  ["application/*;q=0.5", "application/json"],
  ["application/yaml", "application/yaml"],
  ["application/json;q=0.1, application/yaml", "application/yaml"],
  ["application/json;q=0, */*;q=0.1", "application/yaml"],
  ["text/html", undefined],
  ["application/json;q=0", undefined],
])("given Accept %j, when JSON and YAML are offered, then %s is given", (accept, type) => {
  expect(preferredType(accept, offered)).toBe(type);
});

test("given a cursor, when its own list, another list or a changed text is read, then only the first is taken", () => {
  const cursor = encodeCursor(["history", "default", "x0"], { after: 7 });
  expect(decodeCursor(["history", "default", "x0"], cursor)).toEqual({ after: 7 });
  const changed = Buffer.from(Buffer.from(cursor, "base64url").toString().replace("7", "8")).toString("base64url");
  for (const [scope, text] of [
    [["history", "other", "x0"], cursor],
    [["history", "default", "x0"], changed],
    [["history", "default", "x0"], ""],
  ] as const) {
    expect(() => decodeCursor(scope, text)).toThrow("not a cursor of this list");
  }
});
