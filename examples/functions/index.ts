import { z } from "zod";
import { defineFunction, WorkflowError } from "../../src/index.ts";

/** `FUNCTIONS=./examples/functions/index.ts npm start`, then `npx durabull run examples/with-functions/greet.yaml`. */
export const greet = defineFunction({
  name: "greet",
  input: z.object({ name: z.string() }),
  output: z.object({ text: z.string(), attempt: z.number() }),
  async handler({ name }, ctx) {
    if (name === "nobody") {
      throw new WorkflowError({ type: "https://example.com/errors/nobody", status: 404, title: "Nobody there" });
    }
    ctx.log.info({ task: ctx.task }, "greeting");
    return { text: `Hello ${name}`, attempt: ctx.attempt };
  },
});
