// @sallyport/react-native against the real service. The platform's modules do not run here: a secure storage with its limit, a
// browser session that follows redirects, and an authenticator of passkeys stand in, with the shapes of Expo's.
import { createHash, randomBytes } from 'node:crypto'
import t from 'tap'
import { createClient } from '../../openapi/client/src/client.ts'
import { signInWithBrowser } from '../../openapi/react-native/src/browser.ts'
import { passkeyAuthenticator } from '../../openapi/react-native/src/passkeys.ts'
import { secureStorage } from '../../openapi/react-native/src/storage.ts'
import { freePort, startTestApp } from '../support/app.ts'
import { createAuthenticator, type SoftKey } from '../support/authenticator.ts'
import { proveHolder } from '../support/factors.ts'
import { newSubject, startIssuer } from '../support/issuer.ts'
import { newWanderer } from '../support/wanderer.ts'

const port = await freePort()
const origin = `http://127.0.0.1:${port}`
const callback = `${origin}/api/auth/login/social/acme/callback`
const redirectUrl = 'com.example.app://in'
const issuer = await startIssuer(t, [callback])
const app = await startTestApp(t, {
  policy: {
    providers: { acme: issuer.policy({ client_secret_env: 'SOCIAL_SECRET_ACME' }) },
    redirect_urls: [redirectUrl],
  },
  env: { PORT: String(port), SOCIAL_SECRET_ACME: issuer.clientSecret },
})
const password = 'a good long password'

/** A secure storage as expo-secure-store has it: short names, values of up to 2048 bytes, and an app that may be ended. */
function memoryStore() {
  const values = new Map<string, string>()
  let writesLeft = Number.POSITIVE_INFINITY
  return {
    values,
    /** Ends the app before the write after so many. */
    endAfter(writes: number) {
      writesLeft = writes
    },
    getItemAsync: async (key: string) => values.get(key) ?? null,
    async setItemAsync(key: string, value: string) {
      if (!/^[\w.-]+$/.test(key)) throw new Error(`A key has other characters: ${key}`)
      if (Buffer.byteLength(value) > 2048) throw new Error('The value is too large.')
      if (writesLeft-- <= 0) throw new Error('The app has ended.')
      values.set(key, value)
    },
    async deleteItemAsync(key: string) {
      values.delete(key)
    },
  }
}

const newClient = (more: Parameters<typeof createClient>[0] = {}) =>
  createClient({ baseUrl: app.url, projectId: app.projectId, ...more })

t.test('the session rests in the secure storage, also where it is longer than a value may be', async (t) => {
  const store = memoryStore()
  const client = newClient({ projectUserAuth: { tokenStorage: secureStorage(store) } })
  const metadata = { note: 'ن😀'.repeat(900) }
  await client.signUp({ email: 'native@example.com', password, metadata })
  t.ok(store.values.size > 3, `${store.values.size} values`)
  const again = newClient({ projectUserAuth: { tokenStorage: secureStorage(store) } })
  t.same((await again.getSession())?.user.metadata, metadata)
  for (let n = 0; n < 3; n++) await again.refreshSession()
  const third = newClient({ projectUserAuth: { tokenStorage: secureStorage(store) } })
  t.equal((await third.me()).user.email, 'native@example.com')
  await third.signOut()
  t.equal(store.values.size, 0, 'nothing is left of it')
})

t.test('an app that is ended while it writes has the former value, or the new one', async (t) => {
  const long = (letter: string) => letter.repeat(7000)
  for (const [before, after] of [
    [long('a'), long('b')],
    ['short', long('b')],
    [long('a'), 'short'],
    [long('a'), long('b').slice(0, 3000)],
  ] as const)
    for (let writes = 0; writes < 6; writes++) {
      const store = memoryStore()
      const storage = secureStorage(store)
      await storage.setItem('key', before)
      store.endAfter(writes)
      const done = await Promise.resolve(storage.setItem('key', after)).then(
        () => true,
        () => false,
      )
      store.endAfter(Number.POSITIVE_INFINITY)
      t.equal(await storage.getItem('key'), done ? after : before, `${writes} writes`)
      await storage.setItem('key', 'last')
      t.equal(await storage.getItem('key'), 'last')
    }
})

t.test("a provider signs in by the system's browser and a deep link", async (t) => {
  const subject = newSubject()
  issuer.people.set(subject, { email: `${subject}@example.com`, email_verified: true })
  const expoCrypto = {
    getRandomBytes: (count: number) => new Uint8Array(randomBytes(count)),
    digestStringAsync: async (algorithm: string, text: string, { encoding }: { encoding: 'base64' }) => {
      t.equal(algorithm, 'SHA-256')
      return createHash('sha256').update(text).digest(encoding)
    },
  }
  /** The browser of a person who signs in as the subject; null: who cancels at the provider. */
  const browserOf = (who: string | null) => ({
    async openAuthSessionAsync(url: string, until: string) {
      const browser = newWanderer()
      const back = await browser.toCallback(url, issuer, who, callback)
      return { type: 'success', url: await browser.follow(back, until) }
    },
  })
  for (const crypto of [expoCrypto, undefined]) {
    const client = newClient()
    const given = { provider: 'acme', redirectUrl, ...(crypto && { crypto }) }
    const session = await signInWithBrowser(client, { ...given, browser: browserOf(subject) })
    t.equal(session?.user.email, `${subject}@example.com`)
    t.equal((await client.me()).user.email, `${subject}@example.com`)
    await t.rejects(signInWithBrowser(newClient(), { ...given, browser: browserOf(null) }), {
      name: 'BrowserSignInError',
      code: /./,
    })
  }
  const closed = { openAuthSessionAsync: async () => ({ type: 'cancel' }) }
  t.equal(await signInWithBrowser(newClient(), { provider: 'acme', redirectUrl, browser: closed }), null)
})

t.test("passkeys are made and used by the platform's module", async (t) => {
  // The service at 127.0.0.1 has the relying party localhost.
  const authenticator = createAuthenticator({ origin: `http://localhost:${port}` })
  const keys: SoftKey[] = []
  let isWilling = true
  const module = {
    async create(options: Parameters<typeof authenticator.create>[0]) {
      if (!isWilling) return null
      const { credential, key } = authenticator.create(options)
      keys.push(key)
      return { ...credential, rawId: credential.id, clientExtensionResults: {} }
    },
    get: async (options: Parameters<SoftKey['get']>[0]) =>
      isWilling ? (keys[0]?.get(options) ?? null) : null,
  }
  const client = newClient({ passkeys: passkeyAuthenticator(module as never) })
  const email = 'native-passkey@example.com'
  await client.signUp({ email, password })
  await proveHolder(app, email)
  t.match(await client.registerPasskey({ name: 'My phone' }), { name: 'My phone' })
  await client.signOut()
  isWilling = false
  await t.rejects(client.signInWithPasskey(), { name: 'NotAllowedError' })
  isWilling = true
  t.equal((await client.signInWithPasskey()).user.email, email)
  await client.signOut()
  t.equal(await client.startConditionalSignIn(), null, 'there is no autofill outside of a browser')
})
