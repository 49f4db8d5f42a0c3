/** Asks at most once in `ms` for each key; what was answered, or is being asked, serves all meanwhile. A failure is not kept. */
export function keptFor<Key, Value>(ms: number, ask: (key: Key) => Promise<Value>): (key: Key) => Promise<Value> {
  const kept = new Map<Key, { readonly until: number; readonly value: Promise<Value> }>();
  return (key) => {
    const known = kept.get(key);
    const now = performance.now();
    if (known !== undefined && now < known.until) return known.value;
    const value = ask(key);
    kept.set(key, { until: now + ms, value });
    value.catch(() => kept.delete(key));
    return value;
  };
}
