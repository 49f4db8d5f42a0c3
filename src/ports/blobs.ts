import type { ExecutionId } from "../values/ids.ts";

/** The part of the event store that keeps large texts apart from the log, by execution and content: they go with their execution. */
export interface Blobs {
  /** Keeps texts by their hashes, before what names them is written. Those of an execution that is not started within a day go. Repeatable. */
  putBlobs(executionId: ExecutionId, texts: ReadonlyMap<string, string>): Promise<void>;
  /** The texts of these hashes; unknown ones are absent. */
  blobs(executionId: ExecutionId, hashes: readonly string[]): Promise<ReadonlyMap<string, string>>;
}
