import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";
import { hasCommand } from "./install.ts";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** A real Chromium; installed where that needs nobody's permission. */
export async function startChromium(): Promise<Browser> {
  const executablePath = process.env.CHROMIUM_PATH ?? PLACES.find(existsSync) ?? installed();
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}

function installed(): string {
  if (process.getuid?.() !== 0 || !existsSync("/etc/debian_version") || !hasCommand("apt-get")) {
    throw new Error(
      "Chromium was not found. Install it (Debian: `apt-get install chromium`) or name it in CHROMIUM_PATH.",
    );
  }
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  execFileSync("apt-get", ["update"], { stdio: "ignore", env });
  execFileSync("apt-get", ["install", "-y", "--no-install-recommends", "chromium"], { stdio: "ignore", env });
  return "/usr/bin/chromium";
}
