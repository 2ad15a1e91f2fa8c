// The words in which a scenario is written: requests in their order, and names for what later ones need of an answer or a mail.
// `{{name}}` stands in a request for such a value. Each scenario has a project of its own, whose id and secret are `{{project}}` and
// `{{secret}}`; `{{basic}}` and `{{operator}}` are credentials for the admin API, `{{unknown}}` an id that nothing has.

export interface RequestStep {
  /** Method and path. */
  readonly send: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON, unless it is a text. */
  readonly body?: unknown
  /**
   * By its name, where a value is: `body.user.uuid`, `cookie.session`, `header.etag`; of an address in the body its
   * last part or what follows its #: `file.user.avatar_url`, `hash.setup_url`.
   */
  readonly keep?: Readonly<Record<string, string>>
}

export interface MailStep {
  /** The address; the first mail of this kind to it is read. */
  readonly mail: string
  readonly kind: string
  /** By its name: `code`, `token` (of the link), or `link.` and a parameter of the link. */
  readonly keep: Readonly<Record<string, string>>
}

export type Step = RequestStep | MailStep
/** A step of a scenario: with the status that the recorder insists on. */
export type ScriptStep = (RequestStep & { readonly status: number }) | MailStep

export interface Scenario {
  readonly name: string
  /** Over the limits of tests, which no scenario meets. */
  readonly policy?: Readonly<Record<string, unknown>>
  /** True: it runs in the one project that the products' APIs serve. */
  readonly ofProducts?: boolean
  readonly steps: readonly ScriptStep[]
}

export const unknownId = '00000000-0000-4000-8000-000000000000'
export const password = 'a good long password'

export interface Sent {
  /** The name of an access token. */
  readonly as?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly keep?: Readonly<Record<string, string>>
}

/** @param line method, path and expected status, like `POST /nora/auth/login 200` */
export function request(line: string, { as, headers, body, keep }: Sent = {}): ScriptStep {
  const [method, path, status] = line.split(' ')
  const sent = { ...(as ? { authorization: `Bearer {{${as}}}` } : {}), ...headers }
  return {
    send: `${method} ${path}`,
    status: Number(status),
    ...(Object.keys(sent).length > 0 ? { headers: sent } : {}),
    ...(body === undefined ? {} : { body }),
    ...(keep ? { keep } : {}),
  }
}

/** A request to `/api/auth` in the scenario's project. */
export const api = (line: string, { headers, ...sent }: Sent = {}): ScriptStep =>
  request(line.replace(' ', ' /api/auth'), { ...sent, headers: { 'project-id': '{{project}}', ...headers } })

export const mail = (address: string, kind: string, keep: MailStep['keep']): MailStep => ({
  mail: address,
  kind,
  keep,
})

/** A sign-up that keeps `<name>` (the access token), `<name>-refresh` and `<name>-id`. */
export const signUp = (name: string, email: string, facts: Record<string, unknown> = {}): ScriptStep =>
  api('POST /signup 201', {
    body: { email, password, ...facts },
    keep: {
      [name]: 'body.access_token',
      [`${name}-refresh`]: 'body.refresh_token',
      [`${name}-id`]: 'body.user.uuid',
    },
  })

/** A sign-up whose address is proven by the mailed code. */
export const verified = (name: string, email: string, facts: Record<string, unknown> = {}): ScriptStep[] => [
  signUp(name, email, facts),
  mail(email, 'verify_email', { [`${name}-code`]: 'code' }),
  api('POST /verify-email/confirm 200', { as: name, body: { email, code: `{{${name}-code}}` } }),
]
