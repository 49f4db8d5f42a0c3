import { ExpressionError } from "../../expressions/index.ts";
import { fixedDurationMs, parseDuration } from "../../values/durations.ts";
import { isJsonObject, type Json, type JsonObject } from "../../values/json.ts";
import { pointerOf } from "../../values/task-reference.ts";
import { anyObjectOf, kindOf } from "../fields.ts";
import { isExpression } from "../programs.ts";
import type { Scope } from "../scope.ts";

/** `transport.options` for HTTP: how an answer is gone on with whose connection broke. Absent: as the SDK has it. */
export type McpHttpOptions = {
  readonly maxRetries?: number;
  readonly initialReconnectionDelayMs?: number;
  readonly maxReconnectionDelayMs?: number;
  readonly reconnectionDelayGrowFactor?: number;
};

/** `transport.options` for stdio. */
export type McpStdioOptions = {
  /** Absent: an empty directory. */
  readonly workingDirectory?: string;
  /** How long the server may take to end by itself; absent: as long as the executor gives it. */
  readonly shutdownTimeoutMs?: number;
};

interface Option {
  /** The member of the options above. */
  readonly member: string;
  /** What its text must be. */
  readonly what: string;
  /** Undefined: it is not that. */
  readonly read: (text: string) => number | string | undefined;
}

/** A minute; what ends or goes on is waited for while a worker has little else to do. */
const LONGEST_MS = 60_000;
const duration = (member: string): Option => ({
  member,
  what: 'an ISO 8601 duration of at most a minute, such as "PT1S"',
  read(text) {
    const parsed = parseDuration(text);
    const ms = parsed === undefined ? undefined : fixedDurationMs(parsed);
    return ms !== undefined && ms <= LONGEST_MS ? ms : undefined;
  },
});
const number = (member: string, what: string, least: number, most: number, form: RegExp): Option => ({
  member,
  what,
  read: (text) => (form.test(text) && Number(text) >= least && Number(text) <= most ? Number(text) : undefined),
});

/** The specification leaves the names open: those of the SDK's transport, where it has such options. */
const HTTP: Readonly<Record<string, Option>> = {
  maxRetries: number("maxRetries", "a whole number from 0 to 100", 0, 100, /^\d{1,3}$/),
  initialReconnectionDelay: duration("initialReconnectionDelayMs"),
  maxReconnectionDelay: duration("maxReconnectionDelayMs"),
  reconnectionDelayGrowFactor: number(
    "reconnectionDelayGrowFactor",
    "a number from 1 to 10",
    1,
    10,
    /^\d{1,2}(\.\d{1,10})?$/,
  ),
};
const STDIO: Readonly<Record<string, Option>> = {
  workingDirectory: {
    member: "workingDirectory",
    what: "an absolute path",
    read: (text) => (/^\/[^\0]*$/.test(text) ? text : undefined),
  },
  shutdownTimeout: duration("shutdownTimeoutMs"),
};

/** Reports what is wrong with `transport.options`. */
export function checkMcpOptions(value: Json, transport: "http" | "stdio", pointer: string, scope: Scope): void {
  const { report } = scope;
  const known = transport === "http" ? HTTP : STDIO;
  const names = Object.keys(known);
  for (const [name, text] of Object.entries(anyObjectOf(value, pointer, "`options`", report) ?? {})) {
    const at = pointerOf(pointer, name);
    const option = Object.hasOwn(known, name) ? known[name] : undefined;
    if (option === undefined) {
      report.unsupported(at, `option "${name}" of MCP over ${transport} (it has ${names.join(", ")})`);
    } else if (
      typeof text !== "string" ||
      (!isExpression(text, "taskDefinition", scope) && option.read(text) === undefined)
    ) {
      report.issue(at, `\`${name}\` must be text: ${option.what}, not ${kindOf(text)}`);
    }
  }
}

/** Options whose expressions gave null are left out. @throws {ExpressionError} for what they cannot be. */
export function mcpOptionsFrom(value: Json | undefined, transport: "http" | "stdio"): JsonObject {
  const known = transport === "http" ? HTTP : STDIO;
  return Object.fromEntries(
    Object.entries(isJsonObject(value) ? value : {}).flatMap(([name, given]) => {
      const option = Object.hasOwn(known, name) ? known[name] : undefined;
      if (option === undefined || given === null) return [];
      const read = typeof given === "string" || typeof given === "number" ? option.read(String(given)) : undefined;
      if (read === undefined) throw new ExpressionError(`\`${name}\` gave ${kindOf(given)} instead of ${option.what}`);
      return [[option.member, read]];
    }),
  );
}
