/** What a conformance kit's feature file holds: of Gherkin only what such files use. */
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

const STEP = /^\s*(?:Given|When|Then|And|But)\s+(.*?)\s*$/;
const FENCE = /^(\s*)"""/;

/** @throws {Error} for a line it does not understand, so that nothing is passed over. */
export function scenariosOf(text: string): readonly Scenario[] {
  const lines = text.split(/\r?\n/);
  const scenarios: { feature: string; title: string; steps: Step[] }[] = [];
  let feature = "";
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? "";
    const scenario = scenarios.at(-1);
    const keyword = /^\s*(Feature|Scenario):\s*(.*?)\s*$/.exec(line);
    const step = STEP.exec(line);
    if (keyword?.[1] === "Feature") feature = keyword[2] ?? "";
    else if (keyword?.[1] === "Scenario") scenarios.push({ feature, title: keyword[2] ?? "", steps: [] });
    else if (/^\s*(#|$)/.test(line)) continue;
    // The description of a feature.
    else if (scenario === undefined) continue;
    else if (step !== null) scenario.steps.push({ text: step[1] ?? "" });
    else if (FENCE.test(line)) {
      const end = lines.findIndex((other, index) => index > at && FENCE.test(other));
      const asked = scenario.steps.pop();
      if (end === -1 || asked === undefined)
        throw new Error(`line ${at + 1}: a text without an end, or without a step`);
      const indent = (FENCE.exec(line)?.[1] ?? "").length;
      const doc = lines.slice(at + 1, end).map((each) => each.slice(Math.min(indent, each.search(/\S|$/))));
      scenario.steps.push({ ...asked, doc: doc.join("\n") });
      at = end;
    } else throw new Error(`line ${at + 1} is not understood: ${line}`);
  }
  return scenarios;
}
