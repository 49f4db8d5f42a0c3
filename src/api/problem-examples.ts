import type { JsonObject } from "../values/json.ts";
import { PROBLEMS } from "./problems.ts";

/** Which operations a code is of (`METHOD path`), where its status alone would say too much. */
const OF: Readonly<Record<string, RegExp>> = {
  DURABULL_MALFORMED_BODY: /^(post|put) /,
  DURABULL_ROUTE_NOT_FOUND: /^$/,
  DURABULL_DEFINITION_NOT_FOUND: /\/definitions|^post \S+\/executions$/,
  DURABULL_EXECUTION_NOT_FOUND: /\/executions\//,
  DURABULL_WORKFLOW_NOT_FOUND: /\/workflows\//,
  DURABULL_SCHEDULE_NOT_FOUND: /\/schedules\//,
  DURABULL_DEAD_LETTER_NOT_FOUND: /\/dead-letters\//,
  DURABULL_EXECUTION_ENDED: /^post \S+\/(executions|dead-letters)\//,
  DURABULL_EXECUTION_OPEN: /^post \S+\/executions$/,
  DURABULL_WORKFLOW_ID_USED: /^post \S+\/executions$/,
  DURABULL_WORKFLOW_ID_TAKEN: /\/redrive$/,
  DURABULL_DEFINITION_CONFLICT: /^put \S+\/definitions/,
  DURABULL_DEFINITION_IN_USE: /^delete \S+\/definitions/,
  DURABULL_SCHEDULE_BUSY: /\/trigger$/,
  DURABULL_LETTER_ALREADY_REDRIVEN: /\/redrive$/,
  DURABULL_LETTER_IN_USE: /^delete \S+\/dead-letters/,
  DURABULL_IDEMPOTENCY_KEY_REUSED: /^post /,
  DURABULL_INVALID_DEFINITION: /^(put \S+\/definitions|post \S+\/executions$)/,
  DURABULL_INBOX_FULL: /^post \S+\/executions\//,
  DURABULL_TOO_MANY_STREAMS: /\/stream$/,
  DURABULL_VERSION_CONFLICT: /\/terminate$/,
};

const DETAILS: Readonly<Record<string, string>> = {
  DURABULL_INVALID_REQUEST: "/query/wait: expected a duration such as 30s, 500ms or PT30S",
  DURABULL_MALFORMED_BODY: 'line 3, column 7: "," or "}" is expected, not "]"',
  DURABULL_DEFINITION_NOT_FOUND: 'there is no definition "demo/hello"',
  DURABULL_EXECUTION_NOT_FOUND: 'there is no execution "x3-01m89cfv0zs6ec1ev7kqbx4hge"',
  DURABULL_EXECUTION_ENDED: "execution x3-01m89cfv0zs6ec1ev7kqbx4hge has ended: it is COMPLETED",
  DURABULL_EXECUTION_OPEN: 'workflow ID "order-1001" has an open execution: x3-01m89cfv0zs6ec1ev7kqbx4hge is WAITING',
  DURABULL_DEFINITION_CONFLICT:
    "demo/hello/1.0.0 is registered with other content; a version never changes: raise document.version",
  DURABULL_INVALID_DEFINITION: '/do/0/pause: unknown key "wiat"; did you mean "wait"?',
  DURABULL_IDEMPOTENCY_KEY_REUSED:
    "this Idempotency-Key was used for a POST /api/v1/executions with another body in the last 24 hours; use a new one",
  DURABULL_TOO_MANY_STREAMS:
    "STREAMS_MAX: this process has 2000 streams open and takes no more; try again later, or another process",
  DURABULL_STORE_UNAVAILABLE: "the event store is not available; nothing was changed that was not confirmed",
};

const ERRORS: Readonly<Record<string, readonly JsonObject[]>> = {
  DURABULL_INVALID_REQUEST: [{ pointer: "/query/wait", message: "expected a duration such as 30s, 500ms or PT30S" }],
  DURABULL_INVALID_DEFINITION: [
    { pointer: "/do/0/pause", line: 4, message: 'unknown key "wiat"; did you mean "wait"?' },
  ],
};

/** Examples of the problems that an operation answers with under a status, by code. */
export function problemExamples(method: string, path: string, status: number): JsonObject {
  const operation = `${method} ${path}`;
  const codes = Object.entries(PROBLEMS).filter(
    ([code, kind]) => kind.status === status && (OF[code]?.test(operation) ?? true),
  );
  return Object.fromEntries(
    codes.map(([code, { title }]) => {
      const errors = ERRORS[code];
      const value: JsonObject = {
        type: `/problems/${code}`,
        title,
        status,
        detail: DETAILS[code] ?? title,
        instance: path,
        code,
        requestId: "46c1b071-913a-4046-bcfb-3c9c785a8e86",
        ...(errors === undefined ? {} : { errors }),
      };
      return [code, { summary: title, value }];
    }),
  );
}
