import type { ListOf, PageOptions } from "../client/index.ts";
import type { Output } from "./progress.ts";
import type { Terminal } from "./terminal.ts";

export function printJson(output: Output, value: unknown): void {
  output.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** Rows under their headings; the last column is not padded. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [headings, ...rows];
  const widths = headings.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join("  ")
      .trimEnd();
  return `${all.map(line).join("\n")}\n`;
}

/** Name and value a line; what is not there is left out, what is no text is JSON. */
export function fields(values: Readonly<Record<string, unknown>>): string {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  const width = Math.max(0, ...given.map(([name]) => name.length));
  const text = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));
  return given.map(([name, value]) => `${name.padEnd(width)}  ${text(value)}\n`).join("");
}

/** How much of a list is wanted. */
export interface ListOptions {
  readonly limit?: number;
  readonly all?: boolean;
}
const MOST_IN_A_PAGE = 500;
const DEFAULT_LIMIT = 50;

/** As many items as are wanted, over as many pages as it takes; a long list says on stderr how far it is. */
export async function collected<Item>(
  { limit = DEFAULT_LIMIT, all = false }: ListOptions,
  terminal: Terminal,
  page: (options: PageOptions) => Promise<ListOf<Item>>,
): Promise<readonly Item[]> {
  const wanted = all ? Number.POSITIVE_INFINITY : limit;
  const counter = counterOn(terminal.stderr, "listed");
  const items: Item[] = [];
  let cursor: string | undefined;
  try {
    do {
      const size = Math.min(MOST_IN_A_PAGE, wanted - items.length);
      const found = await page({ limit: size, ...(cursor === undefined ? {} : { cursor }) });
      items.push(...found.items);
      cursor = found.nextCursor;
      if (cursor !== undefined) counter.at(items.length);
    } while (cursor !== undefined && items.length < wanted);
    if (cursor !== undefined && !all) terminal.stderr.write(`… there are more; --limit N or --all shows them\n`);
    return items;
  } finally {
    counter.end();
  }
}

/** A line that counts, on a terminal only, and leaves nothing behind. */
export function counterOn(output: Output, what: string, of?: number) {
  const isShown = output.isTTY === true;
  return {
    at(count: number): void {
      if (isShown) output.write(`\r\u001b[K${what} ${count}${of === undefined ? "" : ` of ${of}`}`);
    },
    end(): void {
      if (isShown) output.write("\r\u001b[K");
    },
  };
}

/** ISO moments without their fractions, for the eye. */
export function shortTime(iso: string | undefined): string {
  return iso === undefined ? "-" : `${iso.slice(0, 10)} ${iso.slice(11, 19)}`;
}

export function took(startedAt: string, endedAt: string | undefined): string {
  if (endedAt === undefined) return "-";
  const ms = Date.parse(endedAt) - Date.parse(startedAt);
  return ms < 1_000 ? `${ms} ms` : `${(ms / 1_000).toFixed(1)} s`;
}
