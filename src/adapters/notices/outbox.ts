import { setTimeout as sleep } from "node:timers/promises";
import type { Notice } from "../../ports/notices.ts";
import { GAP, lineOf, messagesOf, subjectOf } from "./message.ts";

/** Subjects that wait; what comes beyond is told as a gap. */
const MOST_WAITING = 10_000;
/** Between two sends, so that a busy process tells the world two hundred times a second at most. */
const PAUSE_MS = 5;
/** PostgreSQL takes less than 8,000 bytes. */
const MESSAGE_BYTES = 7_500;

export interface Outbox {
  put(notice: Notice): void;
  /** Resolves once what is being sent has been. */
  close(): Promise<void>;
}

/** @param send gives messages to the others; what it could not send is told as a gap the next time. */
export function createOutbox(origin: string, send: (messages: readonly string[]) => Promise<void>): Outbox {
  const waiting = new Map<string, Notice>();
  let missing = false;
  let sending: Promise<void> | undefined;
  let isOpen = true;

  async function sendAll(): Promise<void> {
    while (isOpen && waiting.size > 0) {
      const lines = [...waiting.values()].map(lineOf);
      waiting.clear();
      const withGap = missing;
      missing = false;
      try {
        await send(messagesOf(origin, withGap ? [GAP, ...lines] : lines, MESSAGE_BYTES));
      } catch {
        missing = true;
      }
      await sleep(PAUSE_MS);
    }
  }

  return {
    put(notice) {
      if (!isOpen) return;
      const subject = subjectOf(notice);
      if (waiting.size >= MOST_WAITING && !waiting.has(subject)) missing = true;
      else waiting.set(subject, notice);
      sending ??= sendAll().finally(() => {
        sending = undefined;
      });
    },
    async close() {
      isOpen = false;
      await sending;
    },
  };
}
