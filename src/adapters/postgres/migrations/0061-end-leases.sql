-- Whoever claimed work for no longer than that is gone.
CREATE FUNCTION durabull.end_leases(of_partition integer, until bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  moment bigint := durabull.now_ms();
BEGIN
  UPDATE durabull.owed o SET look_at = moment FROM durabull.attention a
  WHERE a.partition = of_partition AND a.look_at <= until AND a.key = o.key AND o.claims > 0
    AND o.look_at > moment AND o.look_at <= until AND NOT o.answered AND o.parked IS NULL;
  UPDATE durabull.attention a SET look_at = moment
  WHERE a.partition = of_partition AND a.look_at > moment AND a.look_at <= until;
END $$;
