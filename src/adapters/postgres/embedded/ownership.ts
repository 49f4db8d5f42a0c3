import { linkSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { ConfigError } from "../../../errors.ts";
import { startOfProcess } from "./process-identity.ts";

/** The right of one process to run the server of a directory. */
export interface Ownership {
  release(): void;
}

const ownerSchema = z.object({ pid: z.number().int(), start: z.string().nullable(), released: z.boolean() });
type Owner = z.infer<typeof ownerSchema>;

const held = new Set<string>();

/**
 * Takes the directory for this process. Owners are numbered files, of which the last counts; a new owner makes the next one, which
 * only one process can, and so two that find the same dead owner do not both follow it. The last file is never removed.
 *
 * @throws {ConfigError} while another process owns it.
 */
export function takeOwnership(home: string): Ownership {
  for (;;) {
    const last = numbers(home).at(-1) ?? 0;
    refuseLivingOwner(home, last);
    const mine = last + 1;
    const file = fileOf(home, mine);
    if (!createExclusively(file, { pid: process.pid, start: startOfProcess(process.pid), released: false })) continue;
    if (numbers(home).at(-1) !== mine) {
      rmSync(file);
      continue;
    }
    for (const earlier of numbers(home)) if (earlier < mine) rmSync(fileOf(home, earlier), { force: true });
    held.add(home);
    return { release: () => release(home, file) };
  }
}

function refuseLivingOwner(home: string, number: number): void {
  const owner = number === 0 ? null : readOwner(fileOf(home, number));
  if (owner === null || owner.released || !isLiving(home, owner)) return;
  throw new ConfigError(
    `The embedded PostgreSQL in ${home} belongs to process ${owner.pid}, which is running. Stop that process, or set ` +
      "DURABULL_DATA_DIR to another directory.",
  );
}

function isLiving(home: string, { pid, start }: Owner): boolean {
  const living = startOfProcess(pid);
  return living !== null && living === start && (pid !== process.pid || held.has(home));
}

function release(home: string, file: string): void {
  if (!held.delete(home)) return;
  const draft = `${file}.${process.pid}.draft`;
  writeOwner(draft, { pid: process.pid, start: null, released: true });
  renameSync(draft, file);
}

/** A link appears with its content, or not at all. */
function createExclusively(file: string, owner: Owner): boolean {
  const draft = `${file}.${process.pid}.draft`;
  writeOwner(draft, owner);
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function fileOf(home: string, number: number): string {
  return join(home, `owner.${number}`);
}

function numbers(home: string): number[] {
  const found = readdirSync(home).flatMap((name) => /^owner\.(\d+)$/.exec(name)?.[1] ?? []);
  return found.map(Number).sort((a, b) => a - b);
}

/** `null` for a file that is gone or, after a power loss, empty. */
function readOwner(file: string): Owner | null {
  try {
    return ownerSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return null;
  }
}

function writeOwner(file: string, owner: Owner): void {
  writeFileSync(file, JSON.stringify(owner), { mode: 0o600 });
}
