import { existsSync, readFileSync } from "node:fs";
import { loadEnvFile } from "../config/process.ts";
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

// Who reads our output may stop reading, as `head` does; nobody is left to be told.
for (const output of [process.stdout, process.stderr]) {
  output.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(0);
  });
}
// Where the service of this directory listens is said there. `dev` reads it by itself, and says what is wrong with it.
try {
  loadEnvFile();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
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
