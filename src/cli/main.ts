import { existsSync, readFileSync } from "node:fs";
import { runCli } from "./index.ts";
import { terminalOf } from "./terminal.ts";

/** Of the package: one level further up when this is the built file. */
function packageVersion(): string {
  const file = ["../../package.json", "../../../package.json"]
    .map((path) => new URL(path, import.meta.url))
    .find((url) => existsSync(url));
  const { version } = file === undefined ? {} : JSON.parse(readFileSync(file, "utf8"));
  return typeof version === "string" ? version : "unknown";
}

const exitCode = await runCli(process.argv.slice(2), {
  terminal: terminalOf(process),
  version: packageVersion(),
  dev: async () => {
    // Only this command needs the servers' libraries.
    const { startService } = await import("../compose/start-service.ts");
    await startService();
  },
});
if (exitCode !== undefined) process.exitCode = exitCode;
