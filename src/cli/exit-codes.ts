/** What the exit code of a command says. */
export const EXIT = {
  /** Done. Of what waits for an execution: it completed. Of `validate`: nothing is wrong. */
  ok: 0,
  /** The execution failed; a definition is not valid. */
  failed: 1,
  /** The command line, or a file it names, is not usable. */
  usage: 2,
  /** The execution was cancelled or terminated. */
  cancelled: 3,
  /** No service answers at the address. */
  unreachable: 4,
  /** The service refused. */
  refused: 5,
  /** Something went wrong in the program itself (EX_SOFTWARE). */
  broken: 70,
  /** Ctrl-C. What runs on the service goes on. */
  interrupted: 130,
} as const;

export const EXIT_CODES = `
Exit codes:
  0  done; of run, watch and start --watch: completed, its output is on stdout
  1  the execution failed, its error is on stderr; a definition is not valid
  2  the command line or a file is not usable
  3  the execution was cancelled or terminated
  4  the service does not answer, or something else does
  5  the service refused
  130  Ctrl-C; what runs on the service goes on`;
