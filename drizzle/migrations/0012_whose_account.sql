CREATE TABLE "claims" (
	"id" uuid PRIMARY KEY NOT NULL,
	"project_id" uuid NOT NULL,
	"email" text NOT NULL,
	"user_id" bigint NOT NULL,
	"user_uuid" uuid NOT NULL,
	"password_hash" text,
	"identity" jsonb,
	"display_name" text,
	"first_name" text,
	"last_name" text,
	"locale" text,
	"metadata" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"client_key" "bytea" NOT NULL,
	"serial" integer DEFAULT 0 NOT NULL,
	"token_hash" "bytea" NOT NULL,
	"code_hash" "bytea" NOT NULL,
	"code_attempts" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "identities" ADD COLUMN "email_verified" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "registrations" ADD COLUMN "proven_by" "bytea";--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "email_proof" text;--> statement-breakpoint
ALTER TABLE "claims" ADD CONSTRAINT "claims_project_id_projects_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "claims_project_hash" ON "claims" USING btree ("project_id","token_hash");--> statement-breakpoint
CREATE INDEX "claims_project_email" ON "claims" USING btree ("project_id","email");--> statement-breakpoint
-- Who proved the address of an account that exists already: its holder where an operator made it, a provider vouched for it
-- when it was made, or its password was reset since. Of every other one the mailbox's word alone is known.
UPDATE "users" SET "email_proof" = 'holder' WHERE "email_verified_at" IS NOT NULL AND ("provider" IS NOT NULL OR EXISTS (
  SELECT FROM "identities" WHERE "identities"."project_id" = "users"."project_id" AND "identities"."user_id" = "users"."id"
    AND "identities"."email" = "users"."email") OR EXISTS (
  SELECT FROM "audit_events" WHERE "audit_events"."project_id" = "users"."project_id" AND "audit_events"."user_id" = "users"."id"
    AND "audit_events"."event" IN ('account_created', 'password_reset', 'account_taken_over', 'email_changed')));
