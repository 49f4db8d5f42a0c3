/** Writes `durabull/jq` as one module to `file`, with a source map beside it. */
export function bundleJq(file: string): Promise<void>;
