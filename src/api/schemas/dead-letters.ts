import { z } from "zod";
import { listOf, nameText, problemDetails, timestamp } from "./common.ts";
import { definitionReference } from "./definitions.ts";

export const letterPath = z.strictObject({ id: nameText(80) });

export const letterBody = z
  .object({
    id: z.string(),
    kind: z.enum(["event", "activity", "execution"]),
    executionId: z.string(),
    workflowId: z.string(),
    definition: definitionReference,
    task: z.string().exactOptional(),
    error: problemDetails,
    stack: z.string().exactOptional(),
    attempts: z.number().int(),
    parkedAt: timestamp,
    redrivenAt: timestamp.exactOptional(),
  })
  .meta({ id: "DeadLetter" });
export type LetterBody = z.output<typeof letterBody>;
export const letterList = listOf(letterBody);
