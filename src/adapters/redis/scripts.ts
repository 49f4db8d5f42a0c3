import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Redis } from "ioredis";
import { answered } from "./connection.ts";

/** A Lua script, run by its hash; all of its keys begin with the one it is handed, and so share a slot. */
export interface Script {
  readonly text: string;
  readonly sha: string;
}

/** `writes: false`: also runs when Redis is out of memory or cannot write its log. */
export function scriptOf(files: readonly string[], { writes }: { readonly writes: boolean }): Script {
  const bodies = files.map((file) => readFileSync(new URL(`./scripts/${file}.lua`, import.meta.url), "utf8"));
  const text = [writes ? "#!lua" : "#!lua flags=no-writes", ...bodies].join("\n");
  return { text, sha: createHash("sha1").update(text).digest("hex") };
}

/** Runs a script; hands Redis its text when it does not know it, which is after its first start only. */
export async function run(
  connection: Redis,
  { sha, text }: Script,
  key: string,
  args: readonly (string | number)[],
): Promise<unknown> {
  const byHash = connection.evalsha(sha, 1, key, ...args).catch((error: unknown) => {
    if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error;
    return connection.eval(text, 1, key, ...args);
  });
  return answered(byHash);
}
