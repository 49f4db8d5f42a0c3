-- Large texts of an execution by their content, apart from its log. They go with it.
CREATE TABLE durabull.blob (
  execution_id text COLLATE "C" NOT NULL,
  hash text COLLATE "C" NOT NULL,
  schema_number smallint NOT NULL DEFAULT 1,
  -- Put before its execution was started, which perhaps never was.
  orphan_since bigint,
  body text NOT NULL,
  PRIMARY KEY (execution_id, hash)
);
CREATE INDEX blob_orphan ON durabull.blob (orphan_since) WHERE orphan_since IS NOT NULL;

CREATE FUNCTION durabull.put_blobs(of_id text, hashes text[], bodies text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  now bigint := durabull.now_ms();
  is_orphan boolean := NOT EXISTS (SELECT FROM durabull.execution x WHERE x.id = of_id);
BEGIN
  -- What names it is written later, and waits for the disk: whatever came before is there by then.
  PERFORM set_config('synchronous_commit', 'off', true);
  INSERT INTO durabull.blob (execution_id, hash, orphan_since, body)
  SELECT of_id, b.hash, CASE WHEN is_orphan THEN now END, b.body FROM unnest(hashes, bodies) AS b (hash, body)
  ON CONFLICT DO NOTHING;
  IF NOT is_orphan THEN
    RETURN;
  END IF;
  -- Who may leave one looks after those left a day ago.
  WITH old AS (
    SELECT b.execution_id, b.hash FROM durabull.blob b WHERE b.orphan_since < now - 86400000
    ORDER BY b.orphan_since LIMIT 100 FOR UPDATE SKIP LOCKED
  ), adopted AS (
    UPDATE durabull.blob b SET orphan_since = NULL FROM old
    WHERE b.execution_id = old.execution_id AND b.hash = old.hash
      AND EXISTS (SELECT FROM durabull.execution x WHERE x.id = old.execution_id)
  )
  DELETE FROM durabull.blob b USING old
  WHERE b.execution_id = old.execution_id AND b.hash = old.hash
    AND NOT EXISTS (SELECT FROM durabull.execution x WHERE x.id = old.execution_id);
END $$;

CREATE FUNCTION durabull.forget_blobs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM durabull.blob b USING gone WHERE b.execution_id = gone.id;
  RETURN NULL;
END $$;
CREATE TRIGGER forget_blobs AFTER DELETE ON durabull.execution REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION durabull.forget_blobs();
