/** The part of Standard Schema 1 (standardschema.dev) that is used here; zod, valibot and arktype schemas have it. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** One line: `/items/0: expected number`. */
export function issuesText(issues: readonly SchemaIssue[]): string {
  return issues
    .slice(0, 10)
    .map(({ path = [], message }) => {
      const pointer = path.map((part) => `/${String(typeof part === "object" ? part.key : part)}`).join("");
      return pointer === "" ? message : `${pointer}: ${message}`;
    })
    .join("; ");
}
