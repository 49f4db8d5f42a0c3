import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../../../errors.ts";
import type { PostgresBinaries } from "./binaries.ts";

/** `nobody`, almost everywhere. */
const NOBODY = 65_534;

/** A data directory and what belongs to it. */
export interface Cluster {
  /** PostgreSQL's own data directory. */
  readonly data: string;
  readonly password: string;
}

export interface ClusterOptions {
  /** Who runs the server, when that is not the user we are. */
  readonly uid: number | undefined;
  /** False: a power loss right after `initdb` may lose the new cluster. */
  readonly sync: boolean;
}

/** Who must run the server: PostgreSQL refuses root. `undefined`: the user we are. An existing cluster keeps its user. */
export function serverUid(data: string): number | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const owner = existsSync(data) ? statSync(data).uid : 0;
  return owner === 0 ? NOBODY : owner;
}

/** Environment of the server's programs: nothing of ours, which may hold secrets. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  const { PATH, SystemRoot } = process.env;
  return { LC_ALL: "C", TZ: "UTC", ...(PATH && { PATH }), ...(SystemRoot && { SystemRoot }) };
}

/**
 * The cluster in `home`, made by `initdb` on first use: UTF-8, C locale, one superuser `postgres` whose random password is kept
 * beside the data.
 *
 * @throws {ConfigError} when it belongs to another major version or `initdb` fails.
 */
export function openCluster(home: string, binaries: PostgresBinaries, options: ClusterOptions): Cluster {
  const data = join(home, "data");
  const passwordFile = join(home, "password");
  if (!existsSync(data)) {
    const password = randomBytes(24).toString("hex");
    writeFileSync(passwordFile, password, { mode: 0o600 });
    initialize(home, data, binaries, password, options);
    return { data, password };
  }
  const major = readFileSync(join(data, "PG_VERSION"), "utf8").trim();
  if (major !== binaries.major) {
    throw new ConfigError(
      `The data in ${home} were written by PostgreSQL ${major}, this build brings ${binaries.major}. Start the release that ` +
        "wrote them and move them with pg_dump, or set DURABULL_DATA_DIR to an empty directory.",
    );
  }
  return { data, password: readFileSync(passwordFile, "utf8").trim() };
}

/** Into a draft that is renamed at the end: an `initdb` that was interrupted leaves nothing that looks whole. */
function initialize(
  home: string,
  data: string,
  { initdb }: PostgresBinaries,
  password: string,
  { uid, sync }: ClusterOptions,
): void {
  const draft = join(home, "data.new");
  const secret = join(home, "password.new");
  rmSync(draft, { recursive: true, force: true });
  rmSync(secret, { force: true });
  mkdirSync(draft, { mode: 0o700 });
  writeFileSync(secret, password, { mode: 0o600 });
  if (uid !== undefined) for (const path of [draft, secret]) chownSync(path, uid, uid);
  try {
    const access = ["--username=postgres", "--auth=scram-sha-256", `--pwfile=${secret}`];
    const { status, error, stderr } = spawnSync(
      initdb,
      ["-D", draft, ...access, "--encoding=UTF8", "--locale=C", ...(sync ? [] : ["--no-sync"])],
      { cwd: "/", env: serverEnvironment(), encoding: "utf8", ...(uid === undefined ? {} : { uid, gid: uid }) },
    );
    if (status !== 0) throw new ConfigError(`initdb failed in ${home}: ${error?.message ?? stderr.trim()}`);
  } finally {
    rmSync(secret, { force: true });
  }
  renameSync(draft, data);
}
