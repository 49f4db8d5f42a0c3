import { bullmqConfig } from "../../../bullmq.config.ts";

/** What the adapter asks of a logger; pino's fits. */
export interface Log {
  warn(fields: object, message: string): void;
}

export type ReportError = (error: Error, where: string) => void;

/** Writes errors at a bounded rate: a store out of memory makes 10,000 a second. What was held back is counted on the next line. */
export function errorLog(log: Log, now: () => number = Date.now): ReportError {
  const { lines, windowMs } = bullmqConfig.errorLog;
  let windowStart = Number.NEGATIVE_INFINITY;
  let written = 0;
  let heldBack = 0;
  return (error, where) => {
    if (now() - windowStart >= windowMs) {
      windowStart = now();
      written = 0;
    }
    if (written >= lines) {
      heldBack += 1;
      return;
    }
    written += 1;
    // Not the error itself: those of drivers carry their whole client.
    const code = "code" in error ? { code: error.code } : {};
    log.warn({ ...code, queue: where, heldBack }, `queue ${where}: ${error.message}`);
    heldBack = 0;
  };
}
