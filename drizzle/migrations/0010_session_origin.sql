DROP INDEX "signing_keys_one_current";--> statement-breakpoint
DROP INDEX "signing_keys_one_next";--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "client" text DEFAULT 'canonical' NOT NULL;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "amr" text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "acr" text DEFAULT '1' NOT NULL;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "auth_time" timestamp (3) with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "valid_generation" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "signing_keys" ADD COLUMN "algorithm" text DEFAULT 'EdDSA' NOT NULL;--> statement-breakpoint
CREATE UNIQUE INDEX "signing_keys_one_current" ON "signing_keys" USING btree ("algorithm") WHERE "signing_keys"."state" = 'current';--> statement-breakpoint
CREATE UNIQUE INDEX "signing_keys_one_next" ON "signing_keys" USING btree ("algorithm") WHERE "signing_keys"."state" = 'next';--> statement-breakpoint
UPDATE "sessions" SET "auth_time" = "created_at";
--> statement-breakpoint
-- A session that was secured anew accepts no former token: caches must learn of it.
DROP TRIGGER "sessions_changed" ON "sessions";
--> statement-breakpoint
CREATE TRIGGER "sessions_changed" AFTER UPDATE OF "id", "project_id", "user_id", "epoch", "revoked_at", "expires_at", "valid_generation" ON "sessions"
  FOR EACH ROW WHEN (
    old.revoked_at IS DISTINCT FROM new.revoked_at OR old.epoch <> new.epoch OR new.expires_at < old.expires_at
    OR old.valid_generation <> new.valid_generation
    OR old.id <> new.id OR old.project_id <> new.project_id OR old.user_id <> new.user_id
  ) EXECUTE FUNCTION "notice_of_users_row"();
