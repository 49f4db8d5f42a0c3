-- What has ended waits for the end of its retention, found by two small indexes. `closed_since` follows from the columns that commit,
-- settle and redrive write, so that none of them has to know of it; it changes once, so other updates stay within their page.
ALTER TABLE durabull.execution
  ADD COLUMN closed_since bigint GENERATED ALWAYS AS (CASE WHEN settled = version THEN ended_at END) STORED,
  -- Letters that nobody has dealt with.
  ADD COLUMN open_letters integer NOT NULL DEFAULT 0;
UPDATE durabull.execution e SET open_letters = n.letters
FROM (
  SELECT l.execution_id, count(*) AS letters FROM durabull.letter l WHERE l.redriven_at IS NULL GROUP BY l.execution_id
) n WHERE n.execution_id = e.id;
CREATE INDEX execution_closed ON durabull.execution (partition, closed_since)
  WHERE closed_since IS NOT NULL AND open_letters = 0;
CREATE INDEX execution_lettered ON durabull.execution (partition, closed_since)
  WHERE closed_since IS NOT NULL AND open_letters > 0;
CREATE INDEX letter_execution ON durabull.letter (execution_id);

-- Which definition an execution names, told from its identity.
CREATE FUNCTION durabull.digest_of(identity text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ('{' || identity || '}')::json #>> '{definition,digest}';
CREATE INDEX execution_definition ON durabull.execution (tenant, durabull.digest_of(identity));

-- Executions that are gone, until the lists have forgotten them too.
CREATE TABLE durabull.expired (
  id text COLLATE "C" PRIMARY KEY,
  schema_number smallint NOT NULL DEFAULT 1,
  partition integer NOT NULL,
  -- As JSON text.
  body text NOT NULL
);
CREATE INDEX expired_partition ON durabull.expired (partition);

-- The head is locked by whoever changes a letter.
CREATE FUNCTION durabull.count_open_letters() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  change integer := 0;
BEGIN
  IF TG_OP <> 'INSERT' AND OLD.redriven_at IS NULL THEN
    change := change - 1;
  END IF;
  IF TG_OP <> 'DELETE' AND NEW.redriven_at IS NULL THEN
    change := change + 1;
  END IF;
  IF change <> 0 THEN
    UPDATE durabull.execution x SET open_letters = x.open_letters + change
    WHERE x.id = coalesce(NEW.execution_id, OLD.execution_id);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER count_open_letters AFTER INSERT OR UPDATE OR DELETE ON durabull.letter
  FOR EACH ROW EXECUTE FUNCTION durabull.count_open_letters();

-- Gives what is gone and not yet confirmed, at most `at_most` together.
CREATE FUNCTION durabull.expire_executions(of_partition integer, closed_for bigint, lettered_for bigint, at_most integer)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  now bigint := durabull.now_ms();
  room integer;
  keys bigint[];
  lettered bigint[];
BEGIN
  -- What a power loss brings back goes again.
  PERFORM set_config('synchronous_commit', 'off', true);
  SELECT greatest(at_most - count(*), 0) INTO room FROM durabull.expired x WHERE x.partition = of_partition;
  -- Under its lock each is judged again by what it is by then: one that was redriven meanwhile is left alone.
  WITH due AS (
    SELECT e.key FROM durabull.execution e
    WHERE e.partition = of_partition AND e.closed_since <= now - closed_for AND e.open_letters = 0 AND e.schema_number = 1
    ORDER BY e.closed_since LIMIT room FOR UPDATE SKIP LOCKED
  )
  SELECT coalesce(array_agg(due.key), '{}') INTO keys FROM due;
  WITH due AS (
    SELECT e.key FROM durabull.execution e
    WHERE e.partition = of_partition AND e.closed_since <= now - greatest(closed_for, lettered_for) AND e.open_letters > 0
      AND e.schema_number = 1
    ORDER BY e.closed_since LIMIT room - cardinality(keys) FOR UPDATE SKIP LOCKED
  )
  SELECT coalesce(array_agg(due.key), '{}') INTO lettered FROM due;
  keys := keys || lettered;
  IF cardinality(keys) > 0 THEN
    INSERT INTO durabull.expired (id, partition, body)
    SELECT e.id, e.partition, '{' || e.identity || ',"startedAt":' || e.started_at || ',"letters":[' || coalesce((
      SELECT string_agg('{"id":' || to_json(l.id) || ',"open":' || (l.redriven_at IS NULL)::text || '}', ',')
      FROM durabull.letter l WHERE l.execution_id = e.id
    ), '') || ']}'
    FROM durabull.execution e WHERE e.key = ANY (keys)
    ON CONFLICT (id) DO UPDATE SET body = excluded.body;
    DELETE FROM durabull.letter l USING durabull.execution e WHERE e.key = ANY (keys) AND l.execution_id = e.id;
    DELETE FROM durabull.event x WHERE x.key = ANY (keys);
    DELETE FROM durabull.snapshot x WHERE x.key = ANY (keys);
    DELETE FROM durabull.inbox x WHERE x.key = ANY (keys);
    DELETE FROM durabull.message x WHERE x.key = ANY (keys);
    DELETE FROM durabull.owed x WHERE x.key = ANY (keys);
    DELETE FROM durabull.attention x WHERE x.key = ANY (keys);
    DELETE FROM durabull.execution x WHERE x.key = ANY (keys);
  END IF;
  RETURN (
    SELECT '[' || string_agg(x.body, ',') || ']'
    FROM (SELECT y.body FROM durabull.expired y WHERE y.partition = of_partition LIMIT at_most) x
  );
END $$;

-- Since when a document has been of no use for another start: kept without being registered, or unlisted.
ALTER TABLE durabull.definition ADD COLUMN idle_since bigint;
ALTER TABLE durabull.document ADD COLUMN idle_since bigint;
UPDATE durabull.definition SET idle_since = durabull.now_ms() WHERE NOT listed;
UPDATE durabull.document SET idle_since = durabull.now_ms();
CREATE INDEX definition_idle ON durabull.definition (tenant, idle_since) WHERE NOT listed;
CREATE INDEX document_idle ON durabull.document (tenant, idle_since);
