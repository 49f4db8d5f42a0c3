import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../../../errors.ts";
import type { Log } from "../../../ports/executor.ts";
import { publicDirectory } from "./binaries.ts";
import { serverUid } from "./cluster.ts";

/** Where a server keeps its files, and who runs it (`undefined`: the user we are). */
export interface Place {
  readonly home: string;
  readonly uid: number | undefined;
}

/**
 * The server's own directory below `dataDir`. When we are root and the user who runs the server instead cannot enter there (a
 * project below `/root`), a directory outside, whose path is then kept in `dataDir`: without that file there are no data.
 */
export function placeOf(dataDir: string, log: Log): Place {
  makeDirectory(dataDir);
  const pointer = join(dataDir, "postgres-directory");
  if (existsSync(pointer)) return placeOutside(pointer, log);
  const home = join(realpathSync(dataDir), "postgres");
  makeDirectory(home);
  const data = join(home, "data");
  const uid = serverUid(data);
  if (uid === undefined) refuseOthers(home);
  if (uid === undefined || canEnter(home, uid)) return { home, uid };
  if (existsSync(data))
    throw new ConfigError(`The user ${uid}, who owns ${data}, cannot enter it. Open its parents (chmod a+x).`);
  const outside = mkdtempSync(join(publicDirectory(), "data-"));
  chmodSync(outside, 0o711);
  writeFileSync(pointer, outside);
  return placeOutside(pointer, log);
}

function placeOutside(pointer: string, log: Log): Place {
  const home = readFileSync(pointer, "utf8").trim();
  if (!existsSync(home)) {
    throw new ConfigError(
      `The data named by ${pointer} (${home}) are gone. Bring them back, or remove that file to start anew.`,
    );
  }
  const uid = serverUid(join(home, "data"));
  if (uid === undefined) refuseOthers(home);
  log.info(
    { directory: home, pointer },
    "the embedded PostgreSQL keeps its data outside of the data directory: its user cannot enter that",
  );
  return { home, uid };
}

/** Others may pass through when the server runs as another user, but not look around. */
function makeDirectory(path: string): void {
  const mode = process.getuid?.() === 0 ? 0o711 : 0o700;
  if (mkdirSync(path, { recursive: true, mode }) !== undefined) chmodSync(path, mode);
}

function refuseOthers(home: string): void {
  const { uid } = statSync(home);
  if (process.getuid !== undefined && uid !== process.getuid()) {
    throw new ConfigError(
      `${home} belongs to user ${uid}: run as that user (or root), or set DURABULL_DATA_DIR to another directory.`,
    );
  }
}

function canEnter(path: string, uid: number): boolean {
  const options = { uid, gid: uid, cwd: "/", env: {}, stdio: "ignore" } as const;
  return spawnSync("/bin/sh", ["-c", 'cd "$1"', "sh", path], options).status === 0;
}
