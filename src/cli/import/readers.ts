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

/** What each file has, for a sentence about one that has nothing. */
export const expected: Record<Product, string> = {
  auth0: 'JSON lines or a list, as the export of users makes them',
  clerk: 'the CSV of the dashboard, or the JSON list of users of the API',
  supabase: 'the CSV or JSON of auth.users, with a line of names first in CSV',
  'better-auth': 'a JSON object with "user" and "account", or the CSV of the table of users',
  firebase: 'a JSON object with "users": […]',
  keycloak: 'a JSON object with "users": […]',
  cognito: 'the JSON of list-users, or a CSV with a line of names first',
  csv: 'a line of names, and a line for each account',
  jsonl: 'one JSON object a line, or a JSON list of them',
}

export type Product = keyof typeof readers
export const products = Object.keys(readers) as Product[]
