/** A port with some operations put around its own. */
export function instead<Port extends object>(port: Port, operations: Partial<Port>): Port {
  const members = new Map<PropertyKey, unknown>(Object.entries(operations));
  return new Proxy(port, {
    get(target, name) {
      if (members.has(name)) return members.get(name);
      const member: unknown = Reflect.get(target, name, target);
      const bound: unknown = typeof member === "function" ? member.bind(target) : member;
      members.set(name, bound);
      return bound;
    },
  });
}
