CREATE TABLE "mail_counts" (
	"project_id" uuid NOT NULL,
	"key_hash" "bytea" NOT NULL,
	"budget" text NOT NULL,
	"hour_started_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"hour_count" integer NOT NULL,
	"hour_resets" integer NOT NULL,
	"hour_suppressed" integer DEFAULT 0 NOT NULL,
	"day_started_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"day_count" integer NOT NULL,
	CONSTRAINT "mail_counts_project_id_key_hash_budget_pk" PRIMARY KEY("project_id","key_hash","budget")
);
--> statement-breakpoint
ALTER TABLE "mail_counts" ADD CONSTRAINT "mail_counts_project_id_projects_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("id") ON DELETE cascade ON UPDATE no action;