import { createHash, randomBytes } from "node:crypto";

/** The isolation boundary: `[a-z0-9-]{1,63}`. */
export type TenantId = string;
/** The caller's own id of what is run: 1 to 255 printable characters, unique per tenant. */
export type WorkflowId = string;
/** One run; opaque to users. `x<partition>-<26 characters>`: it carries its partition. */
export type ExecutionId = string;

/** Executions of one group are processed one at a time. */
export interface Group {
  readonly tenant: TenantId;
  readonly workflowId: WorkflowId;
}

const TENANT = /^[a-z0-9-]{1,63}$/;
const WORKFLOW_ID = /^[^\p{C}\p{Zl}\p{Zp}]{1,255}$/u;
const EXECUTION_ID = /^x(\d{1,5})-[0-9a-z]{26}$/;

export function isTenantId(value: string): boolean {
  return TENANT.test(value);
}

/** Printable: no control, format, unassigned, surrogate, line or paragraph separator characters. */
export function isWorkflowId(value: string): boolean {
  return WORKFLOW_ID.test(value);
}

export function isExecutionId(value: string): boolean {
  return EXECUTION_ID.test(value);
}

/** Lower-case hex SHA-256 of the parts, joined so that ("ab","c") and ("a","bc") differ. */
export function hashOf(...parts: readonly string[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:`).update(part);
  return hash.digest("hex");
}

/** Partition of a group, 0 to `partitions` - 1. */
export function partitionOf(group: Group, partitions: number): number {
  return Number.parseInt(hashOf(group.tenant, group.workflowId).slice(0, 8), 16) % partitions;
}

/** The partition an execution ID carries. @throws {RangeError} when it is not an execution ID. */
export function partitionOfExecution(executionId: ExecutionId): number {
  const match = EXECUTION_ID.exec(executionId);
  if (!match) throw new RangeError(`"${executionId}" is not an execution ID`);
  return Number(match[1]);
}

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

/** A new execution ID; ordered by time within a partition. Handed a `seed`, always the same one (idempotent starts). */
export function newExecutionId(partition: number, nowMs: number, seed?: string): ExecutionId {
  const bytes = seed === undefined ? randomBytes(16) : Buffer.from(hashOf(seed), "hex");
  const suffix = Array.from(bytes.subarray(0, 16), (byte) => ALPHABET[byte & 31]).join("");
  const stamp =
    seed === undefined ? base32(nowMs) : Array.from(bytes.subarray(16, 26), (byte) => ALPHABET[byte & 31]).join("");
  return `x${partition}-${stamp}${suffix}`;
}

/** 50 bits of time as 10 characters, most significant first. */
function base32(nowMs: number): string {
  let rest = nowMs;
  let text = "";
  for (let i = 0; i < 10; i++) {
    text = ALPHABET.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}
