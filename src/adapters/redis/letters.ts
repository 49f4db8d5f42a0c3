import type { Redis } from "ioredis";
import { CorruptRecordError } from "../../errors.ts";
import type { DeadLetter, EventStore, Page, Paged, UnparkResult } from "../../ports/event-store.ts";
import { isExecutionId, partitionOfExecution, type TenantId } from "../../values/ids.ts";
import { answered, pipelined } from "./connection.ts";
import { cursorOf, partsOf } from "./cursors.ts";
import type { Keys } from "./keys.ts";
import { LETTER_FIELDS, letterOf, letterText, list, texts } from "./records.ts";
import { run, scriptOf } from "./scripts.ts";

type Letters = Pick<EventStore, "park" | "unpark" | "letter" | "letters" | "removeLetter" | "openLetters">;

const PARK = scriptOf(["lib", "park"], { writes: true });
const UNPARK = scriptOf(["lib", "unpark"], { writes: true });
const REMOVE = scriptOf(["lib", "remove-letter"], { writes: true });

/** The part of the event store that keeps dead letters. */
export function createLetters(connection: Redis, keys: Keys, partitions: () => Promise<number>): Letters {
  const kept = async (partition: number, letterIds: readonly string[]) => {
    const commands = letterIds.map((id) => ["hmget", keys.letter(partition, id), ...LETTER_FIELDS] as const);
    return (await pipelined(connection, commands)).map(letterOf);
  };
  const letter = async (tenant: TenantId, letterId: string) => {
    const partition = partitionOfLetter(letterId);
    if (partition === null) return null;
    const [found = null] = await kept(partition, [letterId]);
    return found?.tenant === tenant ? found : null;
  };

  return {
    letter,

    async park(given) {
      const { executionId, id, kind, name, tenant } = given;
      const args = [executionId, id, kind, name ?? "", tenant, letterText(given)] as const;
      await run(connection, PARK, keys.partition(partitionOfExecution(executionId)), args);
    },

    async unpark(tenant, letterId): Promise<UnparkResult> {
      const partition = partitionOfLetter(letterId);
      if (partition === null) return { result: "unknown" };
      const id = `retry-${letterId}`;
      const retry = { id, kind: "message", source: "api-service", message: { type: "retry", letter: letterId } };
      const args = [letterId, tenant, JSON.stringify(retry), id] as const;
      const [result, reply] = list(await run(connection, UNPARK, keys.partition(partition), args));
      if (result !== "redriven") return { result: result as Exclude<UnparkResult["result"], "redriven"> };
      const redriven = letterOf(reply);
      if (redriven === null) throw new CorruptRecordError(`letter ${letterId} has no text`);
      return { result, letter: redriven };
    },

    async removeLetter(tenant, letterId) {
      const partition = partitionOfLetter(letterId);
      if (partition === null) return "unknown";
      return (await run(connection, REMOVE, keys.partition(partition), [letterId, tenant])) as
        | "removed"
        | "unknown"
        | "open";
    },

    async letters(tenant, page) {
      const all = Array.from({ length: await partitions() }, (_, partition) => partition);
      const { places, nextCursor } = await newest(connection, tenant, all, keys, page);
      const items = await Promise.all(places.map(({ id }) => letter(tenant, id)));
      // One removed since it was listed is gone.
      return { items: items.filter((item): item is DeadLetter => item !== null), ...nextCursor };
    },

    async openLetters(partition, limit, offset = 0) {
      const places = [String(offset), String(offset + limit - 1)] as const;
      const ids = texts(await answered(connection.zrange(keys.openLetters(partition), ...places)));
      return (await kept(partition, ids)).filter((item): item is DeadLetter => item !== null);
    },
  };
}

/** Ids of letters over all partitions. A place is "<parkedAt> <id>", so that its text sorts by time. */
async function newest(
  connection: Redis,
  tenant: TenantId,
  partitions: readonly number[],
  keys: Keys,
  { limit, cursor }: Page,
): Promise<{
  readonly places: readonly { readonly id: string }[];
  readonly nextCursor: Pick<Paged<never>, "nextCursor">;
}> {
  const from = cursor === undefined ? "+" : `(${partsOf(cursor, 1)[0]}`;
  const commands = partitions.map(
    (partition) =>
      ["zrange", keys.letters(partition, tenant), from, "-", "BYLEX", "REV", "LIMIT", 0, limit + 1] as const,
  );
  const found = (await pipelined(connection, commands)).flatMap(texts).sort().reverse();
  const places = found.slice(0, limit);
  const last = places.at(-1);
  return {
    places: places.map((place) => ({ id: place.slice(place.indexOf(" ") + 1) })),
    nextCursor: found.length > limit && last !== undefined ? { nextCursor: cursorOf(last) } : {},
  };
}

/** A letter's id starts with its execution's. */
function partitionOfLetter(letterId: string): number | null {
  const executionId = /^x\d{1,5}-[0-9a-z]{26}/.exec(letterId)?.[0];
  return executionId !== undefined && isExecutionId(executionId) ? partitionOfExecution(executionId) : null;
}
