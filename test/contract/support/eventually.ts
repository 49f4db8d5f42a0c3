import { setTimeout as sleep } from "node:timers/promises";

/** Resolves once `holds` does; the test's own time limit ends it otherwise, so it gives up before that with a name. */
export async function eventually(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`never came true: ${what}`);
    await sleep(20);
  }
}

/** A promise with its ends outside. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
