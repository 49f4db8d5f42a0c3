import { createHash } from "node:crypto";

/** Tip of an empty history. */
export const NO_TIP = "";

/**
 * The hash chain of a history: tip after an event, from the tip before it. Covers all of the event but `at`, so that a store may
 * stamp it. Depends on the order of keys in `data`: stores keep events as text.
 * @returns 32 characters of lower-case hex.
 */
export function nextTip(
  tip: string,
  event: { readonly type: string; readonly sequence: number; readonly source: string; readonly data: unknown },
): string {
  const text = JSON.stringify([tip, event.type, event.sequence, event.source, event.data]);
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}
