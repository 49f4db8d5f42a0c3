import { aboutSetting, SECRET_PREFIX, SETTING_NAMES } from "./settings.ts";

const HIDDEN = "***";

/** A given value as it may be shown: whole secrets and the passwords of URLs are hidden, long values cut. */
export function shownValue(name: string, value: string): string {
  if (isSecret(name)) return HIDDEN;
  const masked = maskPasswords(value);
  return masked.length > 200 ? `${masked.slice(0, 200)}…` : masked;
}

function isSecret(name: string): boolean {
  const known = SETTING_NAMES.find((setting) => setting === name);
  return name.startsWith(SECRET_PREFIX) || (known !== undefined && aboutSetting(known).secret === true);
}

/** Hides all between the scheme and the last `@`, and query parameters that are named like a secret. Needs no valid URL. */
export function maskPasswords(value: string): string {
  return value
    .replace(/^(\s*[a-z][a-z0-9+.-]*:\/+)?.*@/is, (_, scheme: string | undefined) => `${scheme ?? ""}${HIDDEN}@`)
    .replace(/([?&][^=&]*(?:pass|secret|token|key)[^=&]*=)[^&]*/gi, `$1${HIDDEN}`);
}
