CREATE TABLE "operator_keys" (
	"id" uuid PRIMARY KEY NOT NULL,
	"project_id" uuid NOT NULL,
	"name" text NOT NULL,
	"key_prefix" text NOT NULL,
	"key_hash" "bytea" NOT NULL,
	"scope" uuid,
	"role" text NOT NULL,
	"created_by" uuid,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"last_used_at" timestamp (3) with time zone,
	"revoked_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "operator_roles" (
	"id" uuid PRIMARY KEY NOT NULL,
	"project_id" uuid NOT NULL,
	"user_id" bigint NOT NULL,
	"scope" uuid,
	"role" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "operator_setups" (
	"id" uuid PRIMARY KEY NOT NULL,
	"project_id" uuid NOT NULL,
	"user_id" bigint,
	"token_hash" "bytea" NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"used_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "user_words" (
	"project_id" uuid NOT NULL,
	"user_id" bigint NOT NULL,
	"word" text collate "C" NOT NULL
);
--> statement-breakpoint
DROP INDEX "users_project_email";--> statement-breakpoint
ALTER TABLE "projects" ADD COLUMN "archived_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "impersonator" uuid;--> statement-breakpoint
ALTER TABLE "operator_keys" ADD CONSTRAINT "operator_keys_project_id_projects_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "operator_keys" ADD CONSTRAINT "operator_keys_scope_projects_id_fk" FOREIGN KEY ("scope") REFERENCES "public"."projects"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "operator_roles" ADD CONSTRAINT "operator_roles_scope_projects_id_fk" FOREIGN KEY ("scope") REFERENCES "public"."projects"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "operator_roles" ADD CONSTRAINT "operator_roles_project_id_user_id_users_project_id_id_fk" FOREIGN KEY ("project_id","user_id") REFERENCES "public"."users"("project_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "operator_setups" ADD CONSTRAINT "operator_setups_project_id_projects_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "operator_setups" ADD CONSTRAINT "operator_setups_project_id_user_id_users_project_id_id_fk" FOREIGN KEY ("project_id","user_id") REFERENCES "public"."users"("project_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "user_words" ADD CONSTRAINT "user_words_project_id_user_id_users_project_id_id_fk" FOREIGN KEY ("project_id","user_id") REFERENCES "public"."users"("project_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "operator_keys_project_prefix" ON "operator_keys" USING btree ("project_id","key_prefix");--> statement-breakpoint
CREATE UNIQUE INDEX "operator_roles_everywhere" ON "operator_roles" USING btree ("project_id","user_id") WHERE "operator_roles"."scope" is null;--> statement-breakpoint
CREATE UNIQUE INDEX "operator_roles_scope" ON "operator_roles" USING btree ("project_id","user_id","scope") WHERE "operator_roles"."scope" is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "operator_setups_project_hash" ON "operator_setups" USING btree ("project_id","token_hash");--> statement-breakpoint
CREATE UNIQUE INDEX "user_words_project_word" ON "user_words" USING btree ("project_id","word","user_id");--> statement-breakpoint
CREATE INDEX "user_words_project_user" ON "user_words" USING btree ("project_id","user_id");--> statement-breakpoint
CREATE INDEX "security_log_time" ON "security_log" USING brin ("at");--> statement-breakpoint
CREATE INDEX "sessions_impersonator" ON "sessions" USING btree ("project_id","impersonator") WHERE "sessions"."impersonator" is not null;--> statement-breakpoint
CREATE INDEX "users_project_created" ON "users" USING btree ("project_id","created_at","id");--> statement-breakpoint
CREATE INDEX "users_project_unverified" ON "users" USING btree ("project_id","created_at","id") WHERE "users"."email_verified_at" is null;--> statement-breakpoint
CREATE INDEX "users_project_disabled" ON "users" USING btree ("project_id","created_at","id") WHERE "users"."disabled_at" is not null;--> statement-breakpoint
CREATE INDEX "users_project_deleting" ON "users" USING btree ("project_id","created_at","id") WHERE "users"."deletion_due_at" is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "users_project_email" ON "users" USING btree ("project_id","email" text_pattern_ops);--> statement-breakpoint
-- Lower case by Unicode, whatever the database's own locale is: the newest collation that this server has.
DO $make$
DECLARE
  folding text := coalesce(
    (SELECT format(' COLLATE pg_catalog.%I', collname) FROM pg_collation
      WHERE collnamespace = 'pg_catalog'::regnamespace AND collname IN ('pg_unicode_fast', 'pg_c_utf8', 'und-x-icu')
        AND pg_encoding_to_char(CASE WHEN collencoding < 0 THEN 6 ELSE collencoding END) = 'UTF8'
        AND getdatabaseencoding() = 'UTF8'
      ORDER BY array_position(ARRAY['pg_unicode_fast', 'pg_c_utf8', 'und-x-icu'], collname::text) LIMIT 1), '');
BEGIN
  EXECUTE format($function$
    CREATE FUNCTION "words_of_name"(name text) RETURNS SETOF text LANGUAGE sql IMMUTABLE AS $$
      SELECT left(word, 64) FROM regexp_split_to_table(lower(name%s), '[\s!-/:-@\[-`{-~]+') AS word WHERE word <> ''
    $$
  $function$, folding);
END $make$;--> statement-breakpoint
CREATE FUNCTION "write_user_words"() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  -- A backup has the rows of both tables.
  IF current_setting('sallyport.restoring', true) = 'on' THEN RETURN NULL; END IF;
  IF TG_OP = 'UPDATE' THEN
    DELETE FROM user_words WHERE project_id = NEW.project_id AND user_id = NEW.id;
  END IF;
  INSERT INTO user_words (project_id, user_id, word)
    SELECT DISTINCT NEW.project_id, NEW.id, word
    FROM words_of_name(concat_ws(' ', NEW.display_name, NEW.first_name, NEW.last_name)) AS word;
  RETURN NULL;
END $$;--> statement-breakpoint
CREATE TRIGGER "users_words_insert" AFTER INSERT ON "users" FOR EACH ROW
  WHEN (coalesce(new.display_name, new.first_name, new.last_name) IS NOT NULL) EXECUTE FUNCTION "write_user_words"();--> statement-breakpoint
CREATE TRIGGER "users_words_update" AFTER UPDATE OF display_name, first_name, last_name ON "users" FOR EACH ROW
  WHEN ((old.display_name, old.first_name, old.last_name) IS DISTINCT FROM (new.display_name, new.first_name, new.last_name))
  EXECUTE FUNCTION "write_user_words"();--> statement-breakpoint
INSERT INTO "user_words" (project_id, user_id, word)
  SELECT DISTINCT project_id, id, word FROM "users",
    words_of_name(concat_ws(' ', display_name, first_name, last_name)) AS word;
