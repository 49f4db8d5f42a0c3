import type { Changes, StatusChange } from "../../ports/database.ts";
import { isChangePosition } from "../../values/change-position.ts";
import type { ExecutionStatus } from "../../values/status.ts";
import { type SummaryRow, summaryOf } from "./executions-query.ts";
import type { Row } from "./pool.ts";

/** A row of the statement `changes`: what is true of the log, and a change, if there is one. */
export interface ChangeRow extends Row {
  /** Of the oldest transaction that still ran. */
  readonly xmin: string;
  readonly gone: boolean | null;
  readonly pending: boolean;
  readonly xid: string | null;
  readonly number: string | null;
  readonly change_version: string;
  readonly change_status: ExecutionStatus;
  readonly change_ended_at: string | null;
}

/** Past every change of one transaction. */
const LAST_NUMBER = "9223372036854775807";

/** Transaction and number of a position. @throws {RangeError} for what is none. */
export function partsOfPosition(position: string): readonly [xid: string, number: string] {
  const [xid = "", number = ""] = position.split("-");
  if (!isChangePosition(position) || BigInt(xid) > BigInt(LAST_NUMBER) || BigInt(number) > BigInt(LAST_NUMBER)) {
    throw new RangeError(`"${position}" is not a position`);
  }
  return [xid, number];
}

export function changesOf(
  rows: readonly (ChangeRow & Partial<SummaryRow>)[],
  after: string | undefined,
  limit: number,
): Changes {
  const [first] = rows;
  if (first === undefined) throw new Error("the log of changes gave no row");
  const now = `${BigInt(first.xmin) - 1n}-${LAST_NUMBER}`;
  if (after === undefined) return { changes: [], gone: false, end: now, more: false };
  if (first.gone) return { changes: [], gone: true, end: now, more: false };
  const found = rows.filter(({ xid }) => xid !== null);
  const changes = found.flatMap((row): readonly StatusChange[] => {
    if (!isKnown(row)) return [];
    const endedAt = row.change_ended_at === null ? null : Number(row.change_ended_at);
    const summary = {
      ...summaryOf(row),
      status: row.change_status,
      version: Number(row.change_version),
      endedAt,
    };
    return [{ position: positionOf(row), summary }];
  });
  const last = found.at(-1);
  const end = last === undefined ? after : positionOf(last);
  return { changes, gone: false, end, more: found.length === limit || first.pending };
}

function positionOf({ xid, number }: ChangeRow): string {
  return `${xid}-${number}`;
}

/** The lists may have forgotten an execution whose change is still told. */
function isKnown(row: ChangeRow & Partial<SummaryRow>): row is ChangeRow & SummaryRow {
  return typeof row.execution_id === "string";
}
