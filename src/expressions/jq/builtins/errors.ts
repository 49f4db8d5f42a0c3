import type { Json } from "../../../values/json.ts";
import { always, Code } from "../compile/code.ts";
import type { Env } from "../compile/run.ts";
import { JqError } from "../errors.ts";
import { toJson } from "../library/json-text.ts";

/** `error` */
export const ERROR = new Code({
  weight: 1,
  height: 1,
  single: always,
  one: () => (input, env) => {
    throw failure(input, env);
  },
});

/** `error(message)` */
export function errorCode(message: Code): Code {
  return new Code({
    weight: message.weight + 1,
    height: message.height + 1,
    single: () => message.single(),
    one: () => {
      const one = message.one();
      return (input, env) => {
        throw failure(one(input, env), env);
      };
    },
    many: () => {
      const many = message.many();
      return (input, env) =>
        many(input, env, (value) => {
          throw failure(value, env);
        });
    },
    // To jq this is `message | error`: what `message` reads must be at its path, too.
    paths: () => {
      const paths = message.paths();
      return (input, path, env) =>
        paths(input, path, env, (value) => {
          throw failure(value, env);
        });
    },
  });
}

function failure(value: Json, env: Env): JqError {
  return new JqError(typeof value === "string" ? value : toJson(value, env.run), value);
}
