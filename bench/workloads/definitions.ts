/** The workflows, as their author would write them. `seq`, `slow`: n steps one after another; `fan`: side by side; `nap`: a timer of 3 s; `alarm`: one of `wait`. */
export const FAN = 200;

const head = (name: string) => `document: { dsl: 1.0.3, namespace: bench, name: ${name}, version: 1.0.0 }\n`;
const branches = Array.from({ length: FAN }, (_, i) => `        - b${i}: { call: nothing, with: {} }`).join("\n");

export const DEFINITIONS = [
  `${head("seq")}do:
  - steps:
      for: { each: i, in: "\${ [range(.n)] }" }
      do:
        - step: { call: nothing, with: {} }
`,
  `${head("fan")}do:
  - all:
      fork:
        branches:
${branches}
`,
  `${head("nap")}do:
  - sleep: { wait: { seconds: 3 } }
`,
  `${head("alarm")}do:
  - sleep: { wait: "\${ .wait }" }
`,
  `${head("slow")}do:
  - steps:
      for: { each: i, in: "\${ [range(.n)] }" }
      do:
        - step:
            call: slow
            with: { log: "\${ $workflow.input.log }", step: "\${ $i }", ms: "\${ $workflow.input.ms }" }
`,
];
