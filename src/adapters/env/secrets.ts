import type { Secrets } from "../../ports/secrets.ts";
import type { Json, JsonObject } from "../../values/json.ts";

/**
 * Secrets of the environment: text by name (`SECRET_PAYMENTS` is PAYMENTS). A definition may write the name in its own style: without
 * an exact match, `payments-key` and `payments.key` are looked for as PAYMENTS_KEY. A text that is a JSON object, array or string is given parsed;
 * one that only looks like a number, true or null stays text, so that no password loses its digits.
 */
export function createEnvSecrets(texts: Readonly<Record<string, string>>): Secrets {
  const find = (name: string): readonly (readonly [string, Json])[] => {
    const key = [name, name.replaceAll(/[^A-Za-z0-9]/g, "_").toUpperCase()].find((each) => Object.hasOwn(texts, each));
    return key === undefined ? [] : [[name, parsedOrText(texts[key] ?? "")]];
  };
  return { get: async (names): Promise<JsonObject> => Object.fromEntries(names.flatMap(find)) };
}

function parsedOrText(text: string): Json {
  if (!/^\s*[{["]/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
