import type { Database } from "../ports/database.ts";

const FRESH_MS = 5_000;

/**
 * Own queues of registered functions, by name, asked at most every few seconds. While the database does not answer, what was known
 * last: an activity in the common queue is handed on by workers that lack its function.
 */
export function createFunctionQueues(
  database: Pick<Database, "functions">,
  now: () => number = () => performance.now(),
): () => Promise<Readonly<Record<string, string>>> {
  let known: Readonly<Record<string, string>> = {};
  let until = Number.NEGATIVE_INFINITY;
  return async () => {
    if (now() < until) return known;
    until = now() + FRESH_MS;
    try {
      const functions = await database.functions();
      known = Object.fromEntries(functions.flatMap(({ name, queue }) => (queue === null ? [] : [[name, queue]])));
    } catch {
      until = now();
    }
    return known;
  };
}
