import { execFileSync } from "node:child_process";
import { readFileSync, readlinkSync } from "node:fs";

/**
 * When a living process started, in whatever form the system gives; `null`: there is no such process. A process ID alone
 * says little, as it is given again; with this it names one process.
 */
export function startOfProcess(pid: number): string | null {
  return process.platform === "linux" ? startOnLinux(pid) : askPs(pid, "lstart=");
}

function startOnLinux(pid: number): string | null {
  const stat = readProc(`/proc/${pid}/stat`);
  if (stat === null) return null;
  // The name, second, may hold spaces and parentheses: count from its end. State is field 3, start field 22.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const isZombie = fields[0] === "Z" || fields[0] === "X";
  return isZombie ? null : `${readProc("/proc/sys/kernel/random/boot_id")?.trim() ?? ""}:${fields[19]}`;
}

/** True when the process is a PostgreSQL server that runs on this data directory. */
export function isServerOf(pid: number, data: string): boolean {
  const command = process.platform === "linux" ? readProc(`/proc/${pid}/cmdline`) : askPs(pid, "command=");
  if (command === null || !/postgres/.test(command) || !command.includes(data)) return false;
  return process.platform !== "linux" || isIn(pid, data);
}

/** A server changes into its data directory. Where we may not ask, its arguments must do. */
function isIn(pid: number, data: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === data;
  } catch {
    return true;
  }
}

function readProc(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

function askPs(pid: number, column: string): string | null {
  try {
    const { PATH } = process.env;
    const env = { LC_ALL: "C", ...(PATH && { PATH }) };
    return execFileSync("ps", ["-o", column, "-p", String(pid)], { encoding: "utf8", env }).trim() || null;
  } catch {
    return null;
  }
}
