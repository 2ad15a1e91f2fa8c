// better-auth as in its documentation: PostgreSQL by `pg`, e-mail and password, node:http. Runs in the folder in which peer.ts
// installed it, so that its imports resolve there; the service does not depend on it.
//
//   PEER_PASSWORDS=argon2id   hashes like the service instead of by scrypt
//   PEER_SESSIONS=cached      its cookie cache;  =renewed  every read of a session renews it
import { createServer } from 'node:http'

const load = (name: string) => import(name)
const [{ betterAuth }, { getMigrations }, { toNodeHandler }, { default: pg }, argon2] = await Promise.all(
  ['better-auth', 'better-auth/db/migration', 'better-auth/node', 'pg', '@node-rs/argon2'].map(load),
)

const { DATABASE_URL: connectionString, PORT: port, PEER_PASSWORDS, PEER_SESSIONS } = process.env
const parameters = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 }
const options = {
  baseURL: `http://127.0.0.1:${port}`,
  secret: 'a bench secret of more than thirty-two bytes',
  database: new pg.Pool({ connectionString, max: 10 }),
  emailAndPassword: {
    enabled: true,
    ...(PEER_PASSWORDS === 'argon2id' && {
      password: {
        hash: (password: string) => argon2.hash(password, parameters),
        verify: ({ hash, password }: { hash: string; password: string }) => argon2.verify(hash, password),
      },
    }),
  },
  session: {
    ...(PEER_SESSIONS === 'cached' && { cookieCache: { enabled: true, maxAge: 300 } }),
    ...(PEER_SESSIONS === 'renewed' && { updateAge: 0 }),
  },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  logger: { disabled: true },
}

await (await getMigrations(options)).runMigrations()
const handle = toNodeHandler(betterAuth(options))
const server = createServer((request, response) => {
  if (request.url === '/ready') response.end('{}')
  else handle(request, response)
})
server.keepAliveTimeout = 65_000
server.listen(Number(port), '127.0.0.1')
process.once('SIGTERM', () => process.exit(0))
