// Where drizzle-kit finds the tables and leaves the migrations; `npm run migration -- --name=<what>` uses it.
import { defineConfig } from 'drizzle-kit'

export default defineConfig({
  dialect: 'postgresql',
  schema: './drizzle/tables',
  out: './drizzle/migrations',
})
