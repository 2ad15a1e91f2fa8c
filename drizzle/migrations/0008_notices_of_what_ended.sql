-- Whoever remembers a session, an account, an API key or a project is told when it changed: every instance listens on
-- this channel. Told by the tables themselves, so that no statement, command or psql can forget.
--
-- NOTIFY takes a lock of the whole cluster at commit, so what happens all the time says nothing: sign-ins and sign-ups
-- (inserts), refreshes (a generation, a later end), marks of use, the removal of what had ended long before. A notice
-- names the user and not the session: however many of theirs a transaction ends, it is one.
CREATE FUNCTION "notice_of_users_row"() RETURNS trigger LANGUAGE plpgsql AS $$
begin
  perform pg_catalog.pg_notify('sallyport_changes', 'user ' || old.user_id);
  return null;
end $$;
--> statement-breakpoint
CREATE FUNCTION "notice_of_row"() RETURNS trigger LANGUAGE plpgsql AS $$
begin
  perform pg_catalog.pg_notify('sallyport_changes', tg_argv[0] || ' ' || old.id);
  return null;
end $$;
--> statement-breakpoint
CREATE FUNCTION "notice_of_everything"() RETURNS trigger LANGUAGE plpgsql AS $$
begin
  perform pg_catalog.pg_notify('sallyport_changes', 'everything');
  return null;
end $$;
--> statement-breakpoint
CREATE TRIGGER "sessions_changed" AFTER UPDATE OF "id", "project_id", "user_id", "epoch", "revoked_at", "expires_at" ON "sessions"
  FOR EACH ROW WHEN (
    old.revoked_at IS DISTINCT FROM new.revoked_at OR old.epoch <> new.epoch OR new.expires_at < old.expires_at
    OR old.id <> new.id OR old.project_id <> new.project_id OR old.user_id <> new.user_id
  ) EXECUTE FUNCTION "notice_of_users_row"();
--> statement-breakpoint
CREATE TRIGGER "sessions_removed" AFTER DELETE ON "sessions"
  FOR EACH ROW WHEN (old.revoked_at IS NULL AND old.expires_at > now()) EXECUTE FUNCTION "notice_of_users_row"();
--> statement-breakpoint
CREATE TRIGGER "api_keys_changed" AFTER UPDATE ON "api_keys"
  FOR EACH ROW WHEN (
    (old.id, old.project_id, old.user_id, old.key_prefix, old.key_hash, old.scopes, old.expires_at, old.revoked_at)
    IS DISTINCT FROM
    (new.id, new.project_id, new.user_id, new.key_prefix, new.key_hash, new.scopes, new.expires_at, new.revoked_at)
  ) EXECUTE FUNCTION "notice_of_users_row"();
--> statement-breakpoint
CREATE TRIGGER "api_keys_removed" AFTER DELETE ON "api_keys"
  FOR EACH ROW WHEN (old.revoked_at IS NULL AND coalesce(old.expires_at > now(), true)) EXECUTE FUNCTION "notice_of_users_row"();
--> statement-breakpoint
CREATE TRIGGER "users_changed" AFTER UPDATE ON "users"
  FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION "notice_of_row"('user');
--> statement-breakpoint
CREATE TRIGGER "users_removed" AFTER DELETE ON "users"
  FOR EACH ROW EXECUTE FUNCTION "notice_of_row"('user');
--> statement-breakpoint
CREATE TRIGGER "projects_changed" AFTER UPDATE ON "projects"
  FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION "notice_of_row"('project');
--> statement-breakpoint
CREATE TRIGGER "projects_removed" AFTER DELETE ON "projects"
  FOR EACH ROW EXECUTE FUNCTION "notice_of_row"('project');
--> statement-breakpoint
CREATE TRIGGER "sessions_emptied" AFTER TRUNCATE ON "sessions" FOR EACH STATEMENT EXECUTE FUNCTION "notice_of_everything"();
--> statement-breakpoint
CREATE TRIGGER "api_keys_emptied" AFTER TRUNCATE ON "api_keys" FOR EACH STATEMENT EXECUTE FUNCTION "notice_of_everything"();
--> statement-breakpoint
CREATE TRIGGER "users_emptied" AFTER TRUNCATE ON "users" FOR EACH STATEMENT EXECUTE FUNCTION "notice_of_everything"();
--> statement-breakpoint
CREATE TRIGGER "projects_emptied" AFTER TRUNCATE ON "projects" FOR EACH STATEMENT EXECUTE FUNCTION "notice_of_everything"();
