-- Published events of each tenant, by channel. The row of the channel is locked while one is written, so that positions have no gaps
-- and appear in their order.
CREATE TABLE durabull.event_channel (
  tenant text COLLATE "C" NOT NULL,
  channel text COLLATE "C" NOT NULL,
  schema_number smallint NOT NULL DEFAULT 1,
  last bigint NOT NULL DEFAULT 0,
  -- All up to here are delivered.
  delivered bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, channel)
);
CREATE INDEX event_channel_behind ON durabull.event_channel (tenant) WHERE channel = 'event' AND delivered < last;

CREATE TABLE durabull.published_event (
  tenant text COLLATE "C" NOT NULL,
  channel text COLLATE "C" NOT NULL,
  position bigint NOT NULL,
  schema_number smallint NOT NULL DEFAULT 1,
  at bigint NOT NULL,
  keys text[] COLLATE "C" NOT NULL,
  once text COLLATE "C",
  body text NOT NULL,
  PRIMARY KEY (tenant, channel, position)
);
CREATE UNIQUE INDEX published_event_once ON durabull.published_event (tenant, channel, once) WHERE once IS NOT NULL;

-- What filters are, once each however many subscribe with them.
CREATE TABLE durabull.event_class (
  tenant text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  schema_number smallint NOT NULL DEFAULT 1,
  key text COLLATE "C" NOT NULL,
  definition text NOT NULL,
  PRIMARY KEY (tenant, id)
);
CREATE INDEX event_class_key ON durabull.event_class (tenant, key);

CREATE TABLE durabull.subscription (
  tenant text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  schema_number smallint NOT NULL DEFAULT 1,
  heard bigint NOT NULL,
  joined bigint NOT NULL,
  body text NOT NULL,
  PRIMARY KEY (tenant, id)
);
CREATE TABLE durabull.subscription_place (
  tenant text COLLATE "C" NOT NULL,
  bucket text COLLATE "C" NOT NULL,
  subscription text COLLATE "C" NOT NULL,
  class text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant, bucket, subscription)
);
CREATE INDEX subscription_place_class ON durabull.subscription_place (tenant, class);
CREATE INDEX subscription_place_of ON durabull.subscription_place (tenant, subscription);

CREATE FUNCTION durabull.publish_events(
  of_tenant text, of_channel text, bodies text[], all_keys text[], onces text[], keep_ms bigint, keep_count bigint
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  now bigint := durabull.now_ms();
  c durabull.event_channel;
  ending bigint;
  heard boolean := false;
BEGIN
  INSERT INTO durabull.event_channel (tenant, channel) VALUES (of_tenant, of_channel) ON CONFLICT DO NOTHING;
  SELECT * INTO c FROM durabull.event_channel x WHERE x.tenant = of_tenant AND x.channel = of_channel FOR UPDATE;
  ending := c.last;
  FOR i IN 1 .. cardinality(bodies) LOOP
    CONTINUE WHEN onces[i] IS NOT NULL AND EXISTS (
      SELECT FROM durabull.published_event e WHERE e.tenant = of_tenant AND e.channel = of_channel AND e.once = onces[i]
    );
    ending := ending + 1;
    heard := heard OR all_keys[i] <> '';
    INSERT INTO durabull.published_event (tenant, channel, position, at, keys, once, body)
    VALUES (of_tenant, of_channel, ending, now, string_to_array(all_keys[i], ' '), onces[i], bodies[i]);
  END LOOP;
  IF ending = c.last THEN
    RETURN ending;
  END IF;
  IF of_channel = 'event' AND NOT heard AND c.delivered = c.last THEN
    c.delivered := ending;
  END IF;
  UPDATE durabull.event_channel x SET last = ending, delivered = c.delivered WHERE x.tenant = of_tenant AND x.channel = of_channel;
  -- Some of what is too old goes with what comes, so that nobody has to sweep.
  IF ending / 50 <> c.last / 50 AND (keep_ms IS NOT NULL OR keep_count IS NOT NULL) THEN
    DELETE FROM durabull.published_event e WHERE (e.tenant, e.channel, e.position) IN (
      SELECT y.tenant, y.channel, y.position FROM durabull.published_event y
      WHERE y.tenant = of_tenant AND y.channel = of_channel AND (of_channel <> 'event' OR y.position <= c.delivered)
      AND (y.at <= now - keep_ms OR y.position <= ending - keep_count)
      ORDER BY y.position LIMIT 500
    );
  END IF;
  RETURN ending;
END $$;

CREATE FUNCTION durabull.subscribe(
  of_tenant text, of_id text, new_from bigint, new_body text, classes text[], class_keys text[], buckets text[],
  definitions text[]
) RETURNS durabull.subscription LANGUAGE plpgsql AS $$
DECLARE
  s durabull.subscription;
  ending bigint;
BEGIN
  SELECT * INTO s FROM durabull.subscription x WHERE x.tenant = of_tenant AND x.id = of_id;
  IF FOUND THEN
    RETURN s;
  END IF;
  INSERT INTO durabull.event_channel (tenant, channel) VALUES (of_tenant, 'event') ON CONFLICT DO NOTHING;
  -- Whoever publishes waits for this, and what he publishes finds it.
  SELECT x.last INTO ending FROM durabull.event_channel x WHERE x.tenant = of_tenant AND x.channel = 'event' FOR SHARE;
  INSERT INTO durabull.subscription (tenant, id, heard, joined, body)
  VALUES (of_tenant, of_id, least(new_from, ending), ending, new_body) ON CONFLICT DO NOTHING;
  INSERT INTO durabull.event_class (tenant, id, key, definition)
  SELECT of_tenant, c.id, c.key, c.definition
  FROM (SELECT DISTINCT ON (id) id, key, definition FROM unnest(classes, class_keys, definitions) AS u (id, key, definition)) c
  ORDER BY c.id ON CONFLICT DO NOTHING;
  INSERT INTO durabull.subscription_place (tenant, bucket, subscription, class)
  SELECT DISTINCT of_tenant, b.bucket, of_id, b.class FROM unnest(buckets, classes) AS b (bucket, class) ON CONFLICT DO NOTHING;
  SELECT * INTO s FROM durabull.subscription x WHERE x.tenant = of_tenant AND x.id = of_id;
  RETURN s;
END $$;

CREATE FUNCTION durabull.unsubscribe(of_tenant text, ids text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  left_classes text[];
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  WITH gone AS (
    DELETE FROM durabull.subscription_place p WHERE p.tenant = of_tenant AND p.subscription = ANY (ids) RETURNING p.class
  )
  SELECT array_agg(DISTINCT class) INTO left_classes FROM gone;
  DELETE FROM durabull.subscription s WHERE s.tenant = of_tenant AND s.id = ANY (ids);
  SELECT array_agg(c) INTO left_classes FROM unnest(left_classes) AS c
  WHERE NOT EXISTS (SELECT FROM durabull.subscription_place p WHERE p.tenant = of_tenant AND p.class = c);
  IF left_classes IS NULL THEN
    RETURN;
  END IF;
  -- Nobody who subscribes may find a class that goes.
  PERFORM FROM durabull.event_channel x WHERE x.tenant = of_tenant AND x.channel = 'event' FOR UPDATE;
  DELETE FROM durabull.event_class c WHERE c.tenant = of_tenant AND c.id = ANY (left_classes)
    AND NOT EXISTS (SELECT FROM durabull.subscription_place p WHERE p.tenant = of_tenant AND p.class = c.id);
END $$;
