/**
 * What has the same key runs one after another, in order; different keys side by side. A failure does not stop those behind it.
 */
export function turns<Key>(): <Result>(key: Key, act: () => Promise<Result>) => Promise<Result> {
  const last = new Map<Key, Promise<unknown>>();
  return (key, act) => {
    const before = last.get(key);
    const mine = before === undefined ? act() : before.then(act);
    const ended = mine.then(
      () => undefined,
      () => undefined,
    );
    last.set(key, ended);
    void ended.then(() => {
      if (last.get(key) === ended) last.delete(key);
    });
    return mine;
  };
}
