CREATE TABLE "idempotency_keys" (
	"project_id" uuid NOT NULL,
	"key_hash" "bytea" NOT NULL,
	"user_id" bigint,
	"fingerprint" "bytea" NOT NULL,
	"claim" uuid NOT NULL,
	"leased_until" timestamp (3) with time zone NOT NULL,
	"answer" "bytea",
	"mismatches" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "idempotency_keys_project_id_key_hash_pk" PRIMARY KEY("project_id","key_hash")
);
--> statement-breakpoint
ALTER TABLE "idempotency_keys" ADD CONSTRAINT "idempotency_keys_project_id_projects_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "idempotency_keys" ADD CONSTRAINT "idempotency_keys_project_id_user_id_users_project_id_id_fk" FOREIGN KEY ("project_id","user_id") REFERENCES "public"."users"("project_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "idempotency_keys_project_user" ON "idempotency_keys" USING btree ("project_id","user_id") WHERE "idempotency_keys"."user_id" is not null;