-- What a crash of the server empties costs one second of a tenant's starts.
CREATE UNLOGGED TABLE durabull.start_quota (
  tenant text COLLATE "C" PRIMARY KEY,
  -- When the starts taken so far are paid for, in microseconds.
  paid bigint NOT NULL
) WITH (fillfactor = 50);

-- The generic cell rate algorithm: 0 when a start was taken, else milliseconds until the next is free.
CREATE FUNCTION durabull.take_start(of_tenant text, per_second integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  now bigint;
  step bigint := 1000000 / per_second;
  paid_until bigint;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  INSERT INTO durabull.start_quota (tenant, paid) VALUES (of_tenant, 0) ON CONFLICT DO NOTHING;
  SELECT q.paid INTO paid_until FROM durabull.start_quota q WHERE q.tenant = of_tenant FOR UPDATE;
  now := extract(epoch FROM clock_timestamp()) * 1000000;
  paid_until := greatest(paid_until, now) + step;
  IF paid_until - 1000000 > now THEN
    RETURN ceil((paid_until - 1000000 - now) / 1000.0);
  END IF;
  UPDATE durabull.start_quota q SET paid = paid_until WHERE q.tenant = of_tenant;
  RETURN 0;
END $$;
