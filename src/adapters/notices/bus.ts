import type { Notice, NoticeListener } from "../../ports/notices.ts";
import { GAP, linesOf, noticeOf } from "./message.ts";

/** Hands notices to the listeners of this process. */
export interface Bus {
  listen(listener: NoticeListener): () => void;
  notice(notice: Notice): void;
  gap(): void;
  /** A message of any process; its own are known already. */
  message(text: string): void;
}

export function createBus(origin: string): Bus {
  const listeners = new Set<NoticeListener>();
  const each = (act: (listener: NoticeListener) => void) => {
    for (const listener of listeners) {
      try {
        act(listener);
      } catch {
        // Whoever tells is about to do something else, and must not fail for a listener.
      }
    }
  };
  const notice = (told: Notice) => each((listener) => listener.notice(told));
  const gap = () => each((listener) => listener.gap());
  return {
    notice,
    gap,
    listen(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    message(text) {
      const { origin: teller, lines } = linesOf(text);
      if (teller === origin) return;
      for (const line of lines) {
        const told = line === GAP ? undefined : noticeOf(line);
        if (told !== undefined) notice(told);
        else if (line === GAP) gap();
      }
    },
  };
}
