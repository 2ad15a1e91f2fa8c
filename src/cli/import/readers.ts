// The products whose exports are read, by the name that --from takes.
import { auth0 } from './auth0.ts'
import { betterAuth } from './better-auth.ts'
import { clerk } from './clerk.ts'
import { cognito } from './cognito.ts'
import { csv } from './csv.ts'
import { firebase } from './firebase.ts'
import { jsonl } from './jsonl.ts'
import { keycloak } from './keycloak.ts'
import type { Reader } from './reader.ts'
import { supabase } from './supabase.ts'

export const readers = {
  auth0,
  clerk,
  supabase,
  'better-auth': betterAuth,
  firebase,
  keycloak,
  cognito,
  csv,
  jsonl,
} satisfies Record<string, Reader>

export type Product = keyof typeof readers
export const products = Object.keys(readers) as Product[]
