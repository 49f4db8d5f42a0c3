import { z } from "zod";
import { cursor, flag, inputIssue, jsonObject, limit, listOf, nameText, timestamp } from "./common.ts";

const named = {
  namespace: nameText(63),
  name: nameText(63),
};
/** A version, or `latest`. */
const version = nameText(255);

export const definitionPath = z.strictObject(named);
export const definitionVersionPath = z.strictObject({ ...named, version });
export const definitionQuery = z.strictObject({ allowUnknown: flag });
export const definitionListQuery = z.strictObject({
  namespace: named.namespace.exactOptional(),
  name: named.name.exactOptional(),
  limit,
  cursor,
});

/** YAML or JSON as sent: read by the language's own reader, which keeps line numbers. */
export const definitionText = z
  .custom<string>((text) => typeof text === "string" && text.trim() !== "", "a definition is required, in YAML or JSON")
  .meta({ description: "A definition of DSL 1.0.x: YAML or JSON" });

export const definitionReference = z
  .object({ ...named, version: z.string(), digest: z.string().meta({ description: "SHA-256 of the canonical JSON" }) })
  .meta({ id: "DefinitionReference" });

const definitionSummary = z
  .object({
    ...definitionReference.shape,
    title: z.string().exactOptional(),
    summary: z.string().exactOptional(),
    createdAt: timestamp,
  })
  .meta({ id: "DefinitionSummary" });
export type DefinitionSummary = z.output<typeof definitionSummary>;

export const definitionBody = z.object({ ...definitionSummary.shape, document: jsonObject }).meta({ id: "Definition" });
export type DefinitionBody = z.output<typeof definitionBody>;

export const registeredBody = z
  .object({ ...definitionSummary.shape, created: z.boolean(), warnings: z.array(inputIssue).readonly() })
  .meta({ id: "RegisteredDefinition" });
export type RegisteredBody = z.output<typeof registeredBody>;

export const checkedBody = z
  .object({
    valid: z.boolean(),
    issues: z.array(inputIssue).readonly(),
    warnings: z.array(inputIssue).readonly(),
  })
  .meta({ id: "CheckedDefinition" });
export type CheckedBody = z.output<typeof checkedBody>;

export const definitionList = listOf(definitionSummary);
