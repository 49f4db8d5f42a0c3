declare module "@michaelhomer/jqjs" {
  /** Each output of the program. */
  type Filter = (input: unknown) => Iterable<unknown>;
  const jq: { compile(program: string): Filter };
  export default jq;
}
