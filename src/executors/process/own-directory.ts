import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const OWNED = /^durabull-(?:run|mcp)-(\d+)-/;

/** A directory for one process that is to be started; named after this process, so that what it leaves behind when it dies is known. */
export function ownDirectory(kind: "run" | "mcp"): Promise<string> {
  return mkdtemp(join(tmpdir(), `durabull-${kind}-${process.pid}-`));
}

/** Removes the directories of processes of this machine that have died: they may hold what was given to a script. Best effort. */
export async function removeAbandoned(directory = tmpdir()): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  const abandoned = names.filter((name) => {
    const owner = Number(OWNED.exec(name)?.[1]);
    return Number.isInteger(owner) && owner !== process.pid && !isAlive(owner);
  });
  await Promise.all(
    abandoned.map((name) => rm(join(directory, name), { recursive: true, force: true }).catch(() => {})),
  );
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process is alive too.
    return (error as { readonly code?: unknown }).code !== "ESRCH";
  }
}
