CREATE FUNCTION durabull.look_sooner(of_id text, of_name integer, delay_ms bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  moment bigint := durabull.now_ms() + delay_ms;
  e durabull.execution;
BEGIN
  SELECT * INTO e FROM durabull.execution x WHERE x.id = of_id FOR UPDATE;
  UPDATE durabull.owed o SET look_at = moment
  WHERE o.key = e.key AND o.name = of_name AND o.look_at > moment AND o.parked IS NULL AND NOT o.answered;
  -- What an unsettled execution is owed is looked at after it settled.
  IF FOUND AND e.settled = e.version AND e.waiting = 0 AND NOT EXISTS (
    SELECT FROM durabull.attention a WHERE a.key = e.key AND a.due <= durabull.now_ms()
  ) THEN
    PERFORM durabull.attend_owed(e);
  END IF;
END $$;
