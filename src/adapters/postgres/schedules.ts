import type { ScheduleKey, ScheduleStore, StoredSchedule } from "../../ports/schedules.ts";
import { cursorOf, partsOfCursor } from "./cursor.ts";
import { statementsOf } from "./event-store-statements.ts";
import type { Pool, Row } from "./pool.ts";

const COLUMNS = "s.tenant, s.namespace, s.name, s.revision, s.look_at, s.body";
const KEY = "tenant = $1 AND namespace = $2 AND name = $3";

const TEXTS = {
  schedule: `SELECT ${COLUMNS} FROM durabull.schedule s WHERE ${KEY}`,
  schedules: `SELECT ${COLUMNS} FROM durabull.schedule s
    WHERE tenant = $1 AND ($2::text IS NULL OR namespace = $2) AND ($3::text IS NULL OR (namespace, name) > ($3, $4))
    ORDER BY namespace, name LIMIT $5`,
  insertSchedule: `INSERT INTO durabull.schedule (tenant, namespace, name, look_at, body, revision)
    VALUES ($1, $2, $3, $4, $5, nextval('durabull.schedule_revision')) ON CONFLICT DO NOTHING RETURNING revision`,
  updateSchedule: `UPDATE durabull.schedule SET look_at = $4, body = $5, revision = nextval('durabull.schedule_revision')
    WHERE ${KEY} AND revision = $6 RETURNING revision`,
  removeSchedule: `DELETE FROM durabull.schedule WHERE ${KEY} AND revision = $4 RETURNING revision`,
  schedulesToLookAt: `SELECT ${COLUMNS} FROM durabull.schedule s
    WHERE look_at <= $2 AND tenant = ANY ($1) ORDER BY look_at LIMIT $3`,
} as const;

/** The part of the database that keeps schedules. */
export function createScheduleStore(pool: Pool, schema: string): ScheduleStore {
  const sql = statementsOf(TEXTS, schema);
  return {
    async schedule(key) {
      const [row] = await pool.query<ScheduleRow>(sql.schedule, keyOf(key));
      return row === undefined ? null : scheduleOf(row);
    },

    async schedules(tenant, { namespace }, { limit, cursor }) {
      const after = cursor === undefined ? [null, null] : partsOfCursor(cursor, 2);
      const rows = await pool.query<ScheduleRow>(sql.schedules, [tenant, namespace, ...after, limit + 1]);
      const items = rows.slice(0, limit).map(scheduleOf);
      const last = items.at(-1);
      const isMore = rows.length > limit && last !== undefined;
      return isMore ? { items, nextCursor: cursorOf(last.namespace, last.name) } : { items };
    },

    async putSchedule(key, expected, { lookAt, record }) {
      const values = [...keyOf(key), lookAt, JSON.stringify(record)];
      const [row] = await (expected === null
        ? pool.query<{ revision: string }>(sql.insertSchedule, values)
        : pool.query<{ revision: string }>(sql.updateSchedule, [...values, expected]));
      return row === undefined ? null : Number(row.revision);
    },

    async removeSchedule(key, expected) {
      return (await pool.query(sql.removeSchedule, [...keyOf(key), expected])).length > 0;
    },

    async schedulesToLookAt(tenants, before, limit) {
      const rows = await pool.query<ScheduleRow>(sql.schedulesToLookAt, [[...tenants], before, limit]);
      return rows.map(scheduleOf);
    },
  };
}

interface ScheduleRow extends Row {
  readonly tenant: string;
  readonly namespace: string;
  readonly name: string;
  readonly revision: string;
  readonly look_at: string | null;
  readonly body: string;
}

function keyOf({ tenant, namespace, name }: ScheduleKey): readonly string[] {
  return [tenant, namespace, name];
}

function scheduleOf({ tenant, namespace, name, revision, look_at, body }: ScheduleRow): StoredSchedule {
  const lookAt = look_at === null ? null : Number(look_at);
  return { tenant, namespace, name, revision: Number(revision), lookAt, record: JSON.parse(body) };
}
