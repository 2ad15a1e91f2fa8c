-- Every instance hears when a signing key was revoked, rotated or resealed, and reads the keys again at once. By row, because the
-- removal of old keys runs all the time and mostly removes none; one transaction tells once.
CREATE FUNCTION "notice_of_signing_keys"() RETURNS trigger LANGUAGE plpgsql AS $$
begin
  perform pg_catalog.pg_notify('sallyport_changes', 'keys');
  return null;
end $$;
--> statement-breakpoint
CREATE TRIGGER "signing_keys_changed" AFTER UPDATE OR DELETE ON "signing_keys"
  FOR EACH ROW EXECUTE FUNCTION "notice_of_signing_keys"();
--> statement-breakpoint
CREATE TRIGGER "signing_keys_emptied" AFTER TRUNCATE ON "signing_keys"
  FOR EACH STATEMENT EXECUTE FUNCTION "notice_of_signing_keys"();
