import { randomUUID } from "node:crypto";
import { KeyReusedError } from "../errors.ts";
import type { Database, KeyUse } from "../ports/database.ts";

/** How long a key names its request, in milliseconds. */
const KEPT_MS = 24 * 3_600_000;

/**
 * One request, however often it is sent under its key. Written before anything is done, so that a repeat after a crash at any point
 * does it under the same id: what was done by then is not done again, what was not is done now.
 */
export interface Once {
  /** Names the effect, in every try. */
  readonly id: string;
  /** It may have been done before. */
  readonly isRepeat: boolean;
  /** What an earlier try noted, where its effect cannot be found by the id. */
  readonly outcome: string | null;
  note(outcome: string): Promise<void>;
  /** Nothing was done: the key is free again, unless another try is under way. */
  release(): Promise<void>;
}

/** @throws {KeyReusedError} when the key was used for another body. */
export async function beginOnce(
  database: Pick<Database, "reserveKey" | "settleKey" | "releaseKey">,
  request: Omit<KeyUse, "id">,
): Promise<Once> {
  const reserved = await database.reserveKey({ ...request, id: randomUUID() }, KEPT_MS);
  if (reserved.body !== request.body) throw new KeyReusedError(request.route);
  const use = { ...request, id: reserved.id };
  return {
    id: reserved.id,
    isRepeat: !reserved.created,
    outcome: reserved.outcome,
    note: (outcome) => database.settleKey(use, outcome),
    release: async () => {
      if (reserved.created) await database.releaseKey(use);
    },
  };
}
