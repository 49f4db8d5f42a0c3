-- What an Idempotency-Key was used for.
CREATE TABLE durabull.key_use (
  tenant text COLLATE "C" NOT NULL,
  -- Hash of route and key.
  use text COLLATE "C" NOT NULL,
  number bigint GENERATED ALWAYS AS IDENTITY,
  schema_number smallint NOT NULL DEFAULT 1,
  body text NOT NULL,
  id text NOT NULL,
  outcome text,
  -- Somebody else was given it too.
  shared boolean NOT NULL DEFAULT false,
  expires_at bigint NOT NULL,
  PRIMARY KEY (tenant, use)
);
CREATE INDEX key_use_expires ON durabull.key_use (expires_at);

CREATE FUNCTION durabull.reserve_key(of_tenant text, of_use text, new_body text, new_id text, ttl bigint)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  now bigint := durabull.now_ms();
  k durabull.key_use;
BEGIN
  LOOP
    INSERT INTO durabull.key_use AS x (tenant, use, body, id, expires_at)
    VALUES (of_tenant, of_use, new_body, new_id, now + ttl)
    ON CONFLICT (tenant, use) DO UPDATE SET
      body = excluded.body, id = excluded.id, outcome = NULL, shared = false, expires_at = excluded.expires_at
    WHERE x.expires_at <= now
    RETURNING * INTO k;
    IF FOUND THEN
      -- Some of what ran out goes with what comes, so that nobody has to sweep.
      IF k.number % 50 = 0 THEN
        DELETE FROM durabull.key_use x WHERE (x.tenant, x.use) IN (
          SELECT y.tenant, y.use FROM durabull.key_use y WHERE y.expires_at <= now
          ORDER BY y.expires_at LIMIT 500 FOR UPDATE SKIP LOCKED
        );
      END IF;
      RETURN json_build_object('created', true, 'body', k.body, 'id', k.id, 'outcome', NULL);
    END IF;
    UPDATE durabull.key_use x SET shared = true WHERE x.tenant = of_tenant AND x.use = of_use RETURNING * INTO k;
    IF FOUND THEN
      RETURN json_build_object('created', false, 'body', k.body, 'id', k.id, 'outcome', k.outcome);
    END IF;
  END LOOP;
END $$;
