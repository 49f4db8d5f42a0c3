import { AstBuilder, compile, GherkinClassicTokenMatcher, Parser } from "@cucumber/gherkin";

/** What a conformance kit's feature file holds, backgrounds and outlines worked in. */
export interface Scenario {
  readonly feature: string;
  readonly title: string;
  readonly steps: readonly Step[];
}
export interface Step {
  /** Without Given, When, Then, And or But. */
  readonly text: string;
  /** The text between `"""`, without its indentation. */
  readonly doc?: string;
}

/** @throws {Error} naming the line, for what is not Gherkin. */
export function scenariosOf(text: string): readonly Scenario[] {
  let ids = 0;
  const newId = () => String(ids++);
  const document = new Parser(new AstBuilder(newId), new GherkinClassicTokenMatcher()).parse(text);
  const feature = document.feature?.name ?? "";
  return compile(document, "", newId).map(({ name, steps }) => ({
    feature,
    title: name,
    steps: steps.map(({ text, argument }) => {
      const doc = argument?.docString?.content;
      return doc === undefined ? { text } : { text, doc };
    }),
  }));
}
