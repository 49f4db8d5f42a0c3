import { describe } from "vitest";
import type { EventStore } from "../../src/ports/event-store.ts";
import { blobContract } from "./event-store/blobs.ts";
import { claimContract } from "./event-store/claim.ts";
import { commitContract } from "./event-store/commit.ts";
import { inboxContract } from "./event-store/inbox.ts";
import { letterContract } from "./event-store/letters.ts";
import { momentContract } from "./event-store/moments.ts";
import { quotaContract } from "./event-store/quotas.ts";
import { readingContract } from "./event-store/reading.ts";
import { retentionContract } from "./event-store/retention.ts";
import { startContract } from "./event-store/start.ts";

export { CONTRACT_OPTIONS } from "./event-store/world.ts";

/**
 * What every EventStore promises. `open` gives a store that holds nothing yet, made with `CONTRACT_OPTIONS`; the suite closes it.
 * Time is the store's own: the suite polls and compares moments the store gave, and never asserts how long something took.
 */
export function eventStoreContract(open: () => Promise<EventStore>): void {
  describe("start", () => startContract(open));
  describe("inbox", () => inboxContract(open));
  describe("commit", () => commitContract(open));
  describe("due, settle and attention", () => momentContract(open));
  describe("claims", () => claimContract(open));
  describe("dead letters", () => letterContract(open));
  describe("retention", () => retentionContract(open));
  describe("blobs", () => blobContract(open));
  describe("quotas", () => quotaContract(open));
  describe("reading", () => readingContract(open));
}

/** The part that says what is read of what was written, for a store with a layer around it. */
export function wholeValuesContract(open: () => Promise<EventStore>): void {
  describe("start", () => startContract(open));
  describe("inbox", () => inboxContract(open));
  describe("commit", () => commitContract(open));
  describe("claims", () => claimContract(open));
  describe("reading", () => readingContract(open));
}
