/** The longest `?wait=`, in milliseconds. */
export const MAX_WAIT_MS = 60_000;

const SHORT = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m)$/;
const ISO = /^PT(?:(\d{1,3})M)?(?:(\d{1,9}(?:\.\d{1,3})?)S)?$/;
const UNIT_MS = { ms: 1, s: 1_000, m: 60_000 } as const;

/** Milliseconds of `30s`, `500ms`, `1m` or `PT30S`; undefined when it is none of these. */
export function waitDurationMs(text: string): number | undefined {
  const short = SHORT.exec(text);
  if (short) return Math.round(Number(short[1]) * UNIT_MS[short[2] as keyof typeof UNIT_MS]);
  const iso = ISO.exec(text);
  if (!iso || (iso[1] === undefined && iso[2] === undefined)) return undefined;
  return Math.round(Number(iso[1] ?? 0) * 60_000 + Number(iso[2] ?? 0) * 1_000);
}
