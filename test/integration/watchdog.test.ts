import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";

const MODULE = new URL("../../src/observability/watchdog.ts", import.meta.url).href;
const LIMIT_MS = 1_000;
const START = `const dog = startWatchdog({ limitMs: ${LIMIT_MS}, worker: "worker-1" });`;
const SPIN = `for (const end = Date.now() + ${4 * LIMIT_MS}; Date.now() < end; );`;
const READY = 'console.log("ready");';

function launch(body: string, args: readonly string[] = []) {
  const program = `import { startWatchdog } from ${JSON.stringify(MODULE)}; ${body}`;
  return spawn(process.execPath, [...args, "--import", "tsx", "--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "ignore"],
  });
}

async function ended(child: ReturnType<typeof launch>) {
  const [[code, signal], shown] = await Promise.all([once(child, "exit"), text(child.stdout)]);
  return { code, signal, shown };
}

describe("given a process with a watchdog", () => {
  test.each([
    ["from the first moment", `${START} ${SPIN}`],
    ["after a while", `${START} setTimeout(() => { ${SPIN} }, 500);`],
  ])("when its event loop stands still %s, then it says so in one line and is killed", async (_, body) => {
    const { signal, shown } = await ended(launch(body));
    expect(signal).toBe("SIGKILL");
    expect(shown.trim().split("\n")).toHaveLength(1);
    expect(JSON.parse(shown)).toMatchObject({ level: 60, worker: "worker-1", limitMs: LIMIT_MS });
  });

  test("when there is nothing left to do, then it ends", async () => {
    expect(await ended(launch(START))).toEqual({ code: 0, signal: null, shown: "" });
  });

  test("when the watchdog is stopped, then the event loop may stand still", async () => {
    expect(await ended(launch(`${START} await dog.stop(); ${SPIN}`))).toEqual({ code: 0, signal: null, shown: "" });
  });

  test("when a debugger may look at it, then the event loop may stand still", async () => {
    const body = `${START} setTimeout(() => { ${SPIN} }, 500);`;
    expect(await ended(launch(body, ["--inspect=127.0.0.1:0"]))).toEqual({ code: 0, signal: null, shown: "" });
  });

  test("when the whole process is stopped for longer than the limit, then it goes on", async () => {
    const child = launch(`${START} ${READY} setTimeout(() => {}, 1_000);`);
    const end = ended(child);
    await once(createInterface({ input: child.stdout }), "line");
    child.kill("SIGSTOP");
    await sleep(4 * LIMIT_MS);
    child.kill("SIGCONT");
    expect(await end).toMatchObject({ code: 0, signal: null });
  });
});
