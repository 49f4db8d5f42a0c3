import { RETIRED, SECRET_PREFIX, SETTING_NAMES } from "./settings.ts";

/** Variables that Kubernetes makes for a service called `durabull…`. */
const SERVICE_LINK = /^DURABULL_(\w+_)?(SERVICE_(HOST|PORT)(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$/;

/** Read by the command line only: a shell that has it may start a service too. */
const OF_THE_CLI: readonly string[] = ["DURABULL_URL"];

/** Names that start with our prefix and are nothing we know. */
export function unknownNames(names: readonly string[]): readonly string[] {
  return names.filter((name) => name.startsWith("DURABULL_") && !isKnown(name) && !SERVICE_LINK.test(name));
}

/** The setting that a name was probably meant to be; undefined for known names and for those that resemble none. */
export function probablyMeant(name: string): string | undefined {
  if (isKnown(name) || name.startsWith(SECRET_PREFIX)) return undefined;
  return SETTING_NAMES.find((known) => {
    const tolerated = known.length >= 8 ? 2 : known.length >= 6 ? 1 : 0;
    return Math.abs(known.length - name.length) <= tolerated && distance(known, name.toUpperCase()) <= tolerated;
  });
}

function isKnown(name: string): boolean {
  return SETTING_NAMES.some((known) => known === name) || Object.hasOwn(RETIRED, name) || OF_THE_CLI.includes(name);
}

/** Letters to insert, drop, replace or swap with their neighbour to make one text of the other. */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  const at = (i: number, j: number) => rows[i]?.[j] ?? Number.POSITIVE_INFINITY;
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= b.length; j++) {
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY;
      const replaced = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(at(i - 1, j) + 1, (row[j - 1] ?? 0) + 1, replaced, swapped));
    }
  }
  return at(a.length, b.length);
}
