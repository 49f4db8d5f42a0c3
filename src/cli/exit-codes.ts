/** What the exit code of `durabull run` says. */
export const EXIT = {
  /** The execution completed; for `validate`: nothing is wrong. */
  ok: 0,
  /** The execution failed; for `validate`: the definition is not valid. */
  failed: 1,
  /** The command line, or a file it names, is not usable. */
  usage: 2,
  /** The execution was cancelled or terminated. */
  cancelled: 3,
  /** No service answers at the address. */
  unreachable: 4,
  /** The service refused the definition or the start. */
  refused: 5,
} as const;
