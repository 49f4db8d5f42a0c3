import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createEnvSecrets } from "../../../../src/adapters/secrets/env.ts";
import { createFileSecrets } from "../../../../src/adapters/secrets/files.ts";

let directory: string;
beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), "durabull-secrets-")), "mounted");
  mkdirSync(directory);
});
afterEach(() => rmSync(join(directory, ".."), { recursive: true }));

const get = (...names: readonly string[]) =>
  createFileSecrets(directory, createEnvSecrets({ TOKEN: "from env", BOTH: "from env" })).get(names);

describe("given a directory of secrets", () => {
  test("when they are asked for, then files win over the environment, JSON is parsed and one line end dropped", async () => {
    writeFileSync(join(directory, "creds"), '{"user": "ada"}\n');
    writeFileSync(join(directory, "BOTH"), "from file\n\n");
    writeFileSync(join(directory, "PAYMENTS_KEY"), "0123");
    expect(await get("creds", "BOTH", "payments-key", "TOKEN", "nowhere")).toEqual({
      creds: { user: "ada" },
      BOTH: "from file\n",
      "payments-key": "0123",
      TOKEN: "from env",
    });
  });

  test("when one changes, then the next call sees it", async () => {
    writeFileSync(join(directory, "creds"), "one");
    expect(await get("creds")).toEqual({ creds: "one" });
    writeFileSync(join(directory, "creds"), "two");
    expect(await get("creds")).toEqual({ creds: "two" });
  });

  test.each(["../outside", "..", ".", ".hidden", "a/b", "", "folder"])(
    "when %j is asked for, then there is none",
    async (name) => {
      writeFileSync(join(directory, "..", "outside"), "not to be read");
      writeFileSync(join(directory, ".hidden"), "not to be read");
      mkdirSync(join(directory, "folder"));
      expect(await get(name)).toEqual({});
    },
  );
});
