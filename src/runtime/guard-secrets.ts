import type { Outcome } from "../ports/executor.ts";
import type { Json } from "../values/json.ts";
import { type Problem, problemOf } from "../values/problem.ts";
import { finderOf, leavesOf, type SecretFinder } from "../values/secret-pattern.ts";

const HIDDEN = "[hidden]";
/** Characters; a shorter text stands in too many others that are no secret. */
const SHORTEST = 4;
/** Characters of a text that cannot have come back by chance: no result holds one. */
const UNMISTAKABLE = 8;

/**
 * What came of an activity, without the texts of the secrets it was given, wherever they stand in the output (members' names included)
 * or in an error's type, title and detail. A result that holds one of at least eight characters fails (authorization 403): it is not what its
 * author meant, and passing it on changed would be worse. A shorter one, of at least four, is replaced by `[hidden]`, and so is any in an
 * error. Found are a text as it is, in any case of its letters (a URL writes its host in small ones), escaped as in JSON, percent-encoded in any way, and, from five bytes, inside base64 (basic
 * authentication, a raw body); a detail is cut short, so also the beginning of a text at its end. Numbers, and what a service has
 * changed or cut, are not found.
 */
export function guardSecrets(outcome: Outcome, secrets: Json): Outcome {
  const texts = textsOf(secrets);
  if (texts.length === 0) return outcome;
  const found = finderOf(texts);
  if (!outcome.ok) return { ...outcome, error: maskedProblem(outcome.error, found, texts) };
  const long = texts.filter((text) => text.length >= UNMISTAKABLE);
  if (long.length > 0 && holds(outcome.output, finderOf(long))) {
    return {
      ok: false,
      error: problemOf("authorization", "the result holds the text of a secret, so it is not recorded"),
    };
  }
  return { ok: true, output: masked(outcome.output, found) };
}

/**
 * What came of a call, with the passwords and tokens that its authentication used replaced by `[hidden]`: a service may answer with what
 * it was sent. Its author wrote none of them into the call, so the rest of the answer is of use. Those below eight characters stay.
 */
export function hideCredentials(outcome: Outcome, credentials: readonly string[]): Outcome {
  const texts = textsOf([...credentials]).filter((text) => text.length >= UNMISTAKABLE);
  if (texts.length === 0) return outcome;
  const found = finderOf(texts);
  if (!outcome.ok) return { ...outcome, error: maskedProblem(outcome.error, found, texts) };
  return { ok: true, output: masked(outcome.output, found) };
}

function holds(value: Json, found: SecretFinder): boolean {
  if (typeof value === "string") return found.isIn(value);
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value)) return value.some((item: Json) => holds(item, found));
  return Object.entries(value).some(([name, member]) => found.isIn(name) || holds(member, found));
}

function maskedProblem(problem: Problem, found: SecretFinder, texts: readonly string[]): Problem {
  const { type, title, detail } = problem;
  return {
    ...problem,
    type: found.replacedIn(type, HIDDEN),
    ...(title === undefined ? {} : { title: found.replacedIn(title, HIDDEN) }),
    ...(detail === undefined ? {} : { detail: withoutBeginning(found.replacedIn(detail, HIDDEN), texts) }),
  };
}

function masked(value: Json, found: SecretFinder): Json {
  if (typeof value === "string") return found.replacedIn(value, HIDDEN);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item: Json) => masked(item, found));
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [found.replacedIn(name, HIDDEN), masked(member, found)]),
  );
}

function withoutBeginning(detail: string, texts: readonly string[]): string {
  for (const text of texts) {
    for (let length = Math.min(text.length - 1, detail.length); length >= SHORTEST; length--) {
      if (detail.endsWith(text.slice(0, length))) return detail.slice(0, -length) + HIDDEN;
    }
  }
  return detail;
}

/** The longest first, so that none leaves the rest of another that begins with it. */
function textsOf(secrets: Json): readonly string[] {
  const texts = new Set(leavesOf(secrets).flatMap((text) => [text, text.trim()]));
  return [...texts].filter((text) => text.length >= SHORTEST).sort((a, b) => b.length - a.length);
}
