CREATE TABLE "jwt_signing_keys" (
	"kid" text PRIMARY KEY NOT NULL,
	"state" text NOT NULL,
	"public_jwk" jsonb NOT NULL,
	"sealed_private_key" "bytea" NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"state_since" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"algorithm" text NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX "jwt_signing_keys_one_current" ON "jwt_signing_keys" USING btree ("algorithm") WHERE "jwt_signing_keys"."state" = 'current';--> statement-breakpoint
CREATE UNIQUE INDEX "jwt_signing_keys_one_next" ON "jwt_signing_keys" USING btree ("algorithm") WHERE "jwt_signing_keys"."state" = 'next';--> statement-breakpoint
-- Instances of version 0.1 sign with every row of "signing_keys" and know Ed25519 alone: they may run beside this version, or again.
INSERT INTO "jwt_signing_keys" ("kid", "algorithm", "state", "public_jwk", "sealed_private_key", "created_at", "state_since")
  SELECT "kid", "algorithm", "state", "public_jwk", "sealed_private_key", "created_at", "state_since"
  FROM "signing_keys" WHERE "algorithm" <> 'EdDSA';
--> statement-breakpoint
DELETE FROM "signing_keys" WHERE "algorithm" <> 'EdDSA';
--> statement-breakpoint
CREATE TRIGGER "jwt_signing_keys_changed" AFTER UPDATE OR DELETE ON "jwt_signing_keys"
  FOR EACH ROW EXECUTE FUNCTION "notice_of_signing_keys"();
--> statement-breakpoint
CREATE TRIGGER "jwt_signing_keys_emptied" AFTER TRUNCATE ON "jwt_signing_keys"
  FOR EACH STATEMENT EXECUTE FUNCTION "notice_of_signing_keys"();
