import type { Redis } from "ioredis";
import type { ScheduleKey, ScheduleStore, StoredSchedule } from "../../ports/schedules.ts";
import type { TenantId } from "../../values/ids.ts";
import { answered } from "./connection.ts";
import { cursorOf, partsOf } from "./cursors.ts";
import type { Keys } from "./keys.ts";
import { demandSchema, moment, texts } from "./records.ts";
import { run, scriptOf } from "./scripts.ts";

const PUT = scriptOf(["lists/lib", "schedules/put"], { writes: true });
const REMOVE = scriptOf(["lists/lib", "schedules/remove"], { writes: true });
const LOOK = scriptOf(["lists/lib", "schedules/look"], { writes: false });
const LIST = scriptOf(["lists/lib", "schedules/list"], { writes: false });

/** The part of the database that keeps schedules: a hash for each tenant, a set of their order, and one of when to look at them. */
export function createScheduleStore(connection: Redis, keys: Keys): ScheduleStore {
  return {
    async schedule(key) {
      const text = await answered(connection.hget(keys.schedules(key.tenant), placeOf(key)));
      return text === null ? null : scheduleOf(key.tenant, placeOf(key), text);
    },

    async schedules(tenant, { namespace }, { limit, cursor }) {
      const from = cursor === undefined ? undefined : `(${partsOf(cursor, 1)[0]}`;
      // Every place of a namespace begins with it and "!", and nothing else does.
      const bounds = [
        from ?? (namespace === undefined ? "-" : `[${namespace}!`),
        namespace === undefined ? "+" : `(${namespace}"`,
      ];
      const found = pairsOf(tenant, texts(await run(connection, LIST, keys.lists(tenant), [...bounds, limit + 1])));
      const items = found.slice(0, limit);
      const last = items.at(-1);
      return found.length > limit && last !== undefined ? { items, nextCursor: cursorOf(placeOf(last)) } : { items };
    },

    async putSchedule(key, expected, { lookAt, record }) {
      const args = [placeOf(key), expected ?? "", lookAt === null ? "" : moment(lookAt), JSON.stringify(record)];
      const revision = await run(connection, PUT, keys.lists(key.tenant), args);
      return revision === null ? null : Number(revision);
    },

    async removeSchedule(key, expected) {
      return (await run(connection, REMOVE, keys.lists(key.tenant), [placeOf(key), expected])) === 1;
    },

    async schedulesToLookAt(tenants, before, limit) {
      const found = tenants.map(async (tenant) =>
        pairsOf(tenant, texts(await run(connection, LOOK, keys.lists(tenant), [moment(before), limit]))),
      );
      const all = (await Promise.all(found)).flat();
      return all.sort((one, other) => (one.lookAt ?? 0) - (other.lookAt ?? 0));
    },
  };
}

/** Names of the DSL have letters, digits and "-" only: "!" comes before all of them, so places stand in the order of both names. */
function placeOf({ namespace, name }: Pick<ScheduleKey, "namespace" | "name">): string {
  return `${namespace}!${name}`;
}

function pairsOf(tenant: TenantId, flat: readonly string[]): StoredSchedule[] {
  const found: StoredSchedule[] = [];
  for (let i = 0; i < flat.length; i += 2) found.push(scheduleOf(tenant, flat[i] ?? "", flat[i + 1] ?? ""));
  return found;
}

/** A record: schema, revision, when to look at it (or "-"), what it is. */
function scheduleOf(tenant: TenantId, place: string, text: string): StoredSchedule {
  const [, schema, revision, lookAt, body = ""] = /^(\d+) (\d+) (\S+) (.*)$/s.exec(text) ?? [];
  demandSchema(schema, `schedule ${place}`);
  const [namespace = "", name = ""] = place.split("!");
  return {
    ...{ tenant, namespace, name, revision: Number(revision) },
    lookAt: lookAt === "-" ? null : Number(lookAt),
    record: JSON.parse(body),
  };
}
