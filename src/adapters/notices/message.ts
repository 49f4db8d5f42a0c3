import type { Notice } from "../../ports/notices.ts";
import { isExecutionId, isTenantId } from "../../values/ids.ts";
import { EXECUTION_STATUSES } from "../../values/status.ts";

/** A line that stands for notices that were not sent. */
export const GAP = "*";

const LETTERS = { changes: "c", events: "e" } as const;

/** What two notices have in common of which the later one says it all. */
export function subjectOf(notice: Notice): string {
  return notice.kind === "execution" ? notice.executionId : `${LETTERS[notice.kind]} ${notice.tenant}`;
}

export function lineOf(notice: Notice): string {
  return notice.kind === "execution"
    ? `x ${notice.executionId} ${notice.version} ${notice.status}`
    : `${LETTERS[notice.kind]} ${notice.tenant}`;
}

/** Undefined for a line of another build. */
export function noticeOf(line: string): Notice | undefined {
  const [kind, id = "", version, status] = line.split(" ");
  if (kind === LETTERS.changes && isTenantId(id)) return { kind: "changes", tenant: id };
  if (kind === LETTERS.events && isTenantId(id)) return { kind: "events", tenant: id };
  const known = EXECUTION_STATUSES.find((each) => each === status);
  if (kind !== "x" || !isExecutionId(id) || known === undefined) return undefined;
  return { kind: "execution", executionId: id, version: Number(version), status: known };
}

/** Messages of at most `most` bytes (of ASCII): the teller's name, then a line each. */
export function messagesOf(origin: string, lines: readonly string[], most: number): readonly string[] {
  const messages: string[] = [];
  let message = origin;
  for (const line of lines) {
    if (message.length + 1 + line.length > most) {
      messages.push(message);
      message = origin;
    }
    message += `\n${line}`;
  }
  return message === origin ? messages : [...messages, message];
}

export function linesOf(message: string): { readonly origin: string; readonly lines: readonly string[] } {
  const [origin = "", ...lines] = message.split("\n");
  return { origin, lines };
}
