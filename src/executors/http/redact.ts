const SECRET_NAME =
  /auth|cookie|token|secret|passw|credential|session|signature|(^|[-_])sig$|(^|[-_])(api-?)?key$|apikey/i;
const HIDDEN = "***";

/** Request headers as they may be recorded. */
export function redactedHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      name !== "idempotency-key" && SECRET_NAME.test(name) ? HIDDEN : value,
    ]),
  );
}

/** A URL as it may be recorded: parameters that are named like a secret are hidden. */
export function redactedUrl(url: URL): string {
  const copy = new URL(url);
  for (const name of new Set(url.searchParams.keys())) {
    if (SECRET_NAME.test(name)) copy.searchParams.set(name, HIDDEN);
  }
  return copy.href;
}
