import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Secrets } from "../../ports/secrets.ts";
import type { Json, JsonObject } from "../../values/json.ts";
import { leavesOf } from "../../values/secret-pattern.ts";
import { namesOf, parsedOrText } from "./secret-text.ts";

/** A name that stays in its directory; mounted secrets keep their versions in names that begin with a dot. */
const FILE_NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,252}$/;

/**
 * Secrets as files of a directory, one a secret, as Kubernetes and Docker mount them. Read at each use, so that a secret may change
 * while the service runs; one line end at the end is not part of it. What no file holds is asked of `otherwise`.
 *
 * @param onRead is given each text that is read, and those inside it when it is JSON.
 */
export function createFileSecrets(
  directory: string,
  otherwise: Secrets,
  onRead: (texts: readonly string[]) => void = () => {},
): Secrets {
  const secretIn = async (name: string): Promise<Json | undefined> => {
    const text = await textIn(directory, name);
    if (text === undefined) return undefined;
    const value = parsedOrText(text);
    onRead([text, ...leavesOf(value)]);
    return value;
  };
  return {
    async get(names): Promise<JsonObject> {
      const found = await Promise.all(names.map(async (name) => [name, await secretIn(name)] as const));
      const missing = found.filter(([, value]) => value === undefined).map(([name]) => name);
      const held = found.filter((entry): entry is readonly [string, Json] => entry[1] !== undefined);
      return { ...(await otherwise.get(missing)), ...Object.fromEntries(held) };
    },
  };
}

async function textIn(directory: string, name: string): Promise<string | undefined> {
  for (const file of namesOf(name).filter((each) => FILE_NAME.test(each))) {
    const text = await textOf(join(directory, file));
    if (text !== undefined) return text.replace(/\r?\n$/, "");
  }
  return undefined;
}

/** Undefined when there is no such file; one that cannot be read fails the call, to be tried again. */
async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "EISDIR"))
      return undefined;
    throw error;
  }
}
