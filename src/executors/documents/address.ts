/**
 * The address of a document in one form, without a fragment. A `file://` address is a path in a folder: its first segment is no host,
 * and relative references may leave it.
 */
export function addressOf(uri: string): string {
  const path = /^file:\/*([^#]*)/i.exec(uri)?.[1];
  const whole = path === undefined ? uri : `file:///${path}`;
  if (!URL.canParse(whole)) return uri;
  const url = new URL(whole);
  url.hash = "";
  return url.href;
}

/** Without what may be nobody's business: user, password, query. */
export function shownAddress(uri: string): string {
  return uri.replace(/[?#].*$/s, "").replace(/\/\/[^/@]*@/, "//");
}
