import { showLetter } from "./dead-letters.ts";
import type { Ports } from "./ports.ts";

/** Letters looked at in one round of a partition. */
const BATCH = 100;

export interface LetterKeeper {
  /** Looks at some of the letters that nobody has redriven, going on where it ended last, and rebuilds the jobs that are lost. */
  rebuild(partition: number): Promise<void>;
}

/** A lost letter job is rebuilt from its letter: however many there are, each is looked at in its turn. */
export function createLetterKeeper(ports: Pick<Ports, "events" | "queues" | "metrics">): LetterKeeper {
  const offsets = new Map<number, number>();
  return {
    async rebuild(partition) {
      const offset = offsets.get(partition) ?? 0;
      const letters = await ports.events.openLetters(partition, BATCH, offset);
      for (const letter of letters) {
        if (await ports.queues.deadLetterAlive(letter.id)) continue;
        await showLetter(ports, letter);
        ports.metrics.rescue("letter");
      }
      offsets.set(partition, letters.length < BATCH ? 0 : offset + BATCH);
    },
  };
}
