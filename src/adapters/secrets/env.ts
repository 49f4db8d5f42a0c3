import type { Secrets } from "../../ports/secrets.ts";
import type { Json, JsonObject } from "../../values/json.ts";
import { namesOf, parsedOrText } from "./secret-text.ts";

/** Secrets of the environment: text by name (`SECRET_PAYMENTS` is PAYMENTS). */
export function createEnvSecrets(texts: Readonly<Record<string, string>>): Secrets {
  const find = (name: string): readonly (readonly [string, Json])[] => {
    const key = namesOf(name).find((each) => Object.hasOwn(texts, each));
    return key === undefined ? [] : [[name, parsedOrText(texts[key] ?? "")]];
  };
  return { get: async (names): Promise<JsonObject> => Object.fromEntries(names.flatMap(find)) };
}
