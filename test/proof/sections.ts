// What docs/proof.md shows: each row is a test file that `npm run proof` runs, or a figure that another command measured.

export interface Row {
  /** What is proven, as a clause. */
  readonly what: string
  /** Runs by `npm test -- <file>`. */
  readonly file: string
  /** What the test counts beside its assertions: the name of its `writeProof`. */
  readonly counts?: readonly string[]
}

export interface Section {
  readonly title: string
  readonly text: string
  readonly rows: readonly Row[]
}

export const sections: readonly Section[] = [
  {
    title: 'Faults',
    text: 'The service, its database and receivers of webhooks are killed with SIGKILL, stalled, disconnected or run out of disk while clients send requests. Acknowledged changes must exist afterwards, and revoked sessions must stay revoked.',
    rows: [
      {
        what: 'the service is killed under load',
        file: 'test/faults/crash.test.ts',
        counts: ['crash-service', 'crash-database'],
      },
      {
        what: 'receiver, service and database are killed at random; events and webhooks lose nothing',
        file: 'test/faults/events.test.ts',
        counts: ['events'],
      },
      {
        what: 'the database is down, stalls, or closes its connections',
        file: 'test/faults/database.test.ts',
      },
      { what: 'the disk is full', file: 'test/faults/disk-full.test.ts' },
      { what: 'the clock is stepped', file: 'test/faults/clock.test.ts' },
      { what: 'the service is stopped while requests are under way', file: 'test/faults/stop.test.ts' },
      { what: 'the mail server is down', file: 'test/faults/mail.test.ts' },
    ],
  },
  {
    title: 'Models',
    text: 'spin searches every interleaving of the models in test/model. For each property there are mutations of the model that break it, which spin must find. The refresh model includes a table, and a test compares each row of it with the statements on PostgreSQL.',
    rows: [
      {
        what: 'properties of refresh and revocation hold',
        file: 'test/model/spin.test.ts',
        counts: ['models'],
      },
      {
        what: 'the code behaves as the table of the refresh model',
        file: 'test/domain/refresh-transitions.test.ts',
        counts: ['refresh-transitions'],
      },
    ],
  },
  {
    title: 'Races',
    text: 'Everything that may be used once is used many times simultaneously, on one instance and on several.',
    rows: [
      {
        what: 'refresh against refresh, sign-out, a changed password, a lost answer',
        file: 'test/races/refresh.test.ts',
      },
      {
        what: 'a session ended at one instance is refused at the other within 100 ms',
        file: 'test/races/revocations.test.ts',
      },
      { what: 'tokens, codes and links work once', file: 'test/races/single-use.test.ts' },
      { what: 'two instances', file: 'test/races/instances.test.ts' },
      { what: 'passwords', file: 'test/races/passwords.test.ts' },
      { what: 'recovery', file: 'test/races/recovery.test.ts' },
      { what: 'passkeys', file: 'test/races/passkeys.test.ts' },
      { what: 'API keys', file: 'test/races/api-keys.test.ts' },
      { what: 'social sign-in', file: 'test/races/social.test.ts' },
      { what: 'teams', file: 'test/races/teams.test.ts' },
      { what: 'operators', file: 'test/races/operators.test.ts' },
      { what: 'signing keys', file: 'test/races/key-rotation.test.ts' },
    ],
  },
  {
    title: 'The life of an account',
    text: 'Random sequences of requests over all verbs and APIs by an owner, who reads the mail of an address, and a thief, who does not.',
    rows: [
      {
        what: 'after the owner has entered the account, nothing of the thief opens it',
        file: 'test/domain/account-walks.test.ts',
        counts: ['walks'],
      },
    ],
  },
  {
    title: 'Compatibility',
    text: 'The requests of former releases are replayed against this build, and instances of 0.1.0 are replaced under load.',
    rows: [
      {
        what: 'recorded requests get the same status and shape',
        file: 'test/traffic/replay.test.ts',
        counts: ['replay'],
      },
      {
        what: 'a rolling upgrade, and back, fails no request',
        file: 'test/process/rolling-upgrade.test.ts',
        counts: ['rolling-upgrade'],
      },
      {
        what: 'a database of 0.1.0 is migrated, and its users stay signed in',
        file: 'test/process/upgrade.test.ts',
      },
      {
        what: 'users of other products’ exports sign in with their old passwords',
        file: 'test/cli/import.test.ts',
        counts: ['import'],
      },
    ],
  },
  {
    title: 'Conformance',
    text: 'Published test vectors, and third-party programs.',
    rows: [
      { what: 'the vectors of W3C WebAuthn Level 3', file: 'test/crypto/webauthn.test.ts' },
      { what: 'RFC 4226 and RFC 6238', file: 'test/crypto/totp.test.ts' },
      { what: 'signing keys and tokens', file: 'test/crypto/signing-key.test.ts' },
      { what: 'redocly, spectral and prism on the OpenAPI documents', file: 'test/client/linters.test.ts' },
      {
        what: 'generated clients compile, sign in, refresh and sign out',
        file: 'test/client/strangers.test.ts',
      },
      { what: 'verification of id_tokens', file: 'test/social/id-token.test.ts' },
      { what: 'an OpenID provider by oidc-provider', file: 'test/http/social-flow.test.ts' },
      { what: 'passkeys in Chromium', file: 'test/browser/passkeys.test.ts' },
      { what: 'our pages and the SDK in Firefox and WebKit', file: 'test/browser/other-browsers.test.ts' },
    ],
  },
]

/** Variables of the two forms of the command. */
export const forms: Record<'quick' | 'long', Record<string, string>> = {
  quick: { WALKS: '500' },
  long: { WALKS: '10000', EVENT_MINUTES: '10', SALLYPORT_IMPORT_PEOPLE: '10000' },
}
