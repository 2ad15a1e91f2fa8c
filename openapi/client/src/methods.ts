// The methods of a client. Their arguments and results are the bodies of the service, typed from its OpenAPI document.
import type { components, operations, paths } from './schema.js'
import type { AuthEvent } from './sessions.js'

type Schemas = components['schemas']
export type User = Schemas['User']
export type VerificationRequired = Schemas['VerificationRequired']
export type Passkey = Schemas['Passkey']

/** The session of the signed-in user; in cookie mode without its tokens. */
export type Session = Partial<Schemas['Session']> & { user: User }

/** The last argument of every method. */
export interface CallOptions {
  /** Aborts the call; a refresh that other calls share continues. */
  signal?: AbortSignal | undefined
}

/** The JSON body that an operation takes. */
type Body<Id extends keyof operations> =
  NonNullable<operations[Id]['requestBody']> extends { content: { 'application/json': infer B } } ? B : never

/** The body of a success; undefined where there is none. */
export type Success<R> = {
  [S in keyof R & (200 | 201 | 202 | 204)]: R[S] extends { content: { 'application/json': infer B } }
    ? B
    : undefined
}[keyof R & (200 | 201 | 202 | 204)]

/** The success body of an operation. */
type Answer<Id extends keyof operations> = Promise<Success<operations[Id]['responses']>>

export type Verb = 'get' | 'post' | 'put' | 'patch' | 'delete'
/** Paths that have the verb, so a misspelled or removed route does not compile. */
export type PathOf<V extends Verb> = keyof { [P in keyof paths as paths[P][V] extends object ? P : never]: P }
/** The success body of a path and verb. */
export type AnswerOf<V extends Verb, P extends keyof paths> = paths[P][V] extends { responses: infer R }
  ? Promise<Success<R>>
  : never

export interface Asked {
  readonly params?: Record<string, string>
  readonly query?: Record<string, string | number | undefined>
  readonly body?: unknown
  readonly signal?: AbortSignal | undefined
}

/** What makes passkeys and proves by them where there is no browser: JSON in both directions, as WebAuthn Level 3 writes it. */
export interface PasskeyAuthenticator {
  create(options: Schemas['PasskeyCreationOptions']): Promise<Body<'addPasskey'>['credential']>
  get(options: PasskeyOptions): Promise<Body<'signInWithPasskey'>['credential']>
}

/** What a part that is loaded on demand calls the service by. */
export interface Calls {
  /** Sends a request without a session. */
  open<V extends Verb, P extends PathOf<V>>(verb: V, path: P, asked?: Asked): AnswerOf<V, P>
  /** Sends a request of the signed-in user. */
  own<V extends Verb, P extends PathOf<V>>(verb: V, path: P, asked?: Asked): AnswerOf<V, P>
  /** Stores the session that a sign-in has opened. */
  begun<T extends Schemas['Session']>(answering: Promise<T>): Promise<T>
}

type PasskeyOptions = Schemas['PasskeyRequestOptions']

/** The body of `completeSecondFactor`; for a passkey, with the options of the error, the browser is asked. */
export type SecondFactorProof =
  | Body<'completeSecondFactor'>
  | (Omit<Body<'completeSecondFactor'>, 'code' | 'credential'> & {
      method: 'passkey'
      passkey_options: PasskeyOptions | undefined
    })

/** The body of `stepUp`; for a passkey, with the options of the error, the browser is asked. */
export type StepUpProof = Body<'stepUp'> | { method: 'passkey'; passkey_options: PasskeyOptions | undefined }

/** Where a sign-in on the pages of the service begins and ends. */
export interface RedirectOptions {
  /** One of the `redirect_urls` of the policy, exactly. */
  redirectTo: string
  /** Default: `sign-in`. */
  page?: 'sign-in' | 'sign-up'
  /** Languages in the order of preference, separated by spaces. Default: those of the browser. */
  uiLocales?: string
  /** The e-mail address, if it is known. */
  loginHint?: string
}

/** Proof from a mail: the token of its link, or its code with the address it was sent to. */
export type Proof = { token: string } | { email: string; code: string }

/**
 * Methods take and return the bodies of the service.
 *
 * @throws ApiError for a refusal, by its kind: AuthenticationError, AuthorizationError, NotFoundError, ValidationError,
 * RateLimitError, ServerError; NetworkError where there was no answer; and the reason of an aborted `signal`
 */
export interface SallyportClient {
  /** Creates an account. Returns a session, or `verification_required` where the address must be verified first. */
  signUp(body: Body<'signUp'>, options?: CallOptions): Promise<Schemas['Session'] | VerificationRequired>
  signInWithPassword(body: Body<'signIn'>, options?: CallOptions): Promise<Schemas['Session']>
  /**
   * Completes a sign-in that threw a SecondFactorRequiredError: with its `challenge` and a code of one of its `factors`, or for
   * a passkey with its `passkeyOptions` as `passkey_options`. With `trust_device` the answer may have a `device_token` for the
   * next sign-in.
   */
  completeSecondFactor(body: SecondFactorProof, options?: CallOptions): Promise<Schemas['CompletedSession']>
  /** Requests the mailed code of a second factor by `email_code`. */
  requestSecondFactorCode(
    body: Body<'requestSecondFactorCode'>,
    options?: CallOptions,
  ): Answer<'requestSecondFactorCode'>
  /** Requests a mail that signs its reader in. Keep the `flow` of the answer for the code. */
  requestSignInEmail(body: Body<'requestEmailSignIn'>, options?: CallOptions): Answer<'requestEmailSignIn'>
  /** Signs in by that mail: with the `token` of its link, or its `code` and the `flow`. */
  confirmSignInEmail(body: Body<'confirmEmailSignIn'>, options?: CallOptions): Promise<Schemas['Session']>
  /** Signs in with a passkey that the person chooses. Throws the browser's NotAllowedError where they choose none. */
  signInWithPasskey(options?: CallOptions): Promise<Session>
  /**
   * Offers passkeys in the autofill of a field with `autocomplete="username webauthn"`, until the person chooses one or signs in
   * otherwise, `signal` aborts, or the page is left. A later call takes the place of an earlier one.
   *
   * @returns the session; null where the browser has no such autofill, or a session or a later call ended the wait
   */
  startConditionalSignIn(options?: CallOptions): Promise<Session | null>
  /** Adds a passkey to the account, after a recent sign-in. Authenticators learn of changes with it. */
  registerPasskey(options?: { name?: string } & CallOptions): Promise<Passkey>
  /**
   * Adds a passkey without asking, right after a sign-in by password, where the browser's password manager allows it.
   *
   * @returns the passkey; null where none was added
   */
  upgradeToPasskey(options?: CallOptions): Promise<Passkey | null>
  /** Lists the passkeys of the account, and tells the browser's authenticators about them and the account's names. */
  listPasskeys(options?: CallOptions): Promise<Passkey[]>
  renamePasskey(id: string, body: Body<'renamePasskey'>, options?: CallOptions): Answer<'renamePasskey'>
  removePasskey(id: string, options?: CallOptions): Answer<'removePasskey'>
  /** Refreshes the session now. Rarely needed, because every method refreshes a session that is about to expire. */
  refreshSession(options?: CallOptions): Promise<Session>
  /** Returns the session, refreshed if it is about to expire; null if signed out. Offline, the session as stored. */
  getSession(options?: CallOptions): Promise<Session | null>
  /** Calls `listener` for every change, also of other tabs. Returns a function that removes the listener. */
  onAuthStateChange(listener: (event: AuthEvent, session: Session | null, error?: Error) => void): () => void
  me(options?: CallOptions): Answer<'getCurrentUser'>
  /** Ends this session. Throws where the service did not end it; the user is then still signed in. */
  signOut(options?: CallOptions): Promise<void>
  /** Ends every session of the user. */
  signOutAll(options?: CallOptions): Promise<void>
  /** Changes the password and ends every other session of the user. This session goes on with new tokens. */
  changePassword(body: Body<'changePassword'>, options?: CallOptions): Answer<'changePassword'>
  /**
   * Proves the owner again, for a method that threw a StepUpRequiredError, by one of its `factors`. With `onStepUpRequired` in
   * the options of the client this happens by itself.
   */
  stepUp(body: StepUpProof, options?: CallOptions): Answer<'stepUp'>
  /** Requests the mailed code of a step-up by `email_code`. */
  requestStepUpCode(options?: CallOptions): Answer<'requestStepUpCode'>
  /** Lists the second factors of the user, and the devices that spare them. */
  listFactors(options?: CallOptions): Answer<'listFactors'>
  /** Returns the secret for an authenticator app, which counts once a code of it is confirmed. */
  proposeAuthenticator(options?: CallOptions): Answer<'proposeAuthenticator'>
  /** Enrols the authenticator app. Returns recovery codes, which are shown this once. */
  confirmAuthenticator(
    body: Body<'confirmAuthenticator'>,
    options?: CallOptions,
  ): Answer<'confirmAuthenticator'>
  removeAuthenticator(options?: CallOptions): Answer<'removeAuthenticator'>
  renewRecoveryCodes(options?: CallOptions): Answer<'renewRecoveryCodes'>
  endTrustedDevices(options?: CallOptions): Answer<'endTrustedDevices'>
  forgotPassword(body: Body<'forgotPassword'>, options?: CallOptions): Answer<'forgotPassword'>
  resetPassword(body: Proof & { password: string }, options?: CallOptions): Answer<'resetPassword'>
  resendVerificationEmail(
    body: Body<'resendVerificationEmail'>,
    options?: CallOptions,
  ): Answer<'resendVerificationEmail'>
  /** Verifies an address. In a session, or with its password, that proves mailbox and holder together. */
  confirmVerificationEmail(
    body: Proof & { current_password?: string },
    options?: CallOptions,
  ): Answer<'confirmVerificationEmail'>
  /** Lists the active sessions of the user. */
  listSessions(options?: CallOptions): Answer<'listSessions'>
  revokeSession(id: string, options?: CallOptions): Answer<'revokeSession'>
  revokeOtherSessions(options?: CallOptions): Answer<'revokeOtherSessions'>
  updateProfile(body: Body<'updateProfile'>, options?: CallOptions): Answer<'updateProfile'>
  /** Sets the picture: a data URI, or its bytes as a Blob with its media type. */
  setAvatar(picture: string | Blob, options?: CallOptions): Answer<'putAvatar'>
  deleteAvatar(options?: CallOptions): Answer<'deleteAvatar'>
  changeEmail(body: Body<'changeEmail'>, options?: CallOptions): Answer<'changeEmail'>
  confirmEmailChange(body: Proof, options?: CallOptions): Answer<'confirmEmailChange'>
  undoEmailChange(body: Body<'undoEmailChange'>, options?: CallOptions): Answer<'undoEmailChange'>
  /** Lists the events of the account, the newest first. */
  listActivity(options?: { cursor?: string; limit?: number } & CallOptions): Answer<'listActivity'>
  /** Returns all data of the user. */
  exportAccount(options?: CallOptions): Answer<'exportCurrentUser'>
  deleteAccount(body: Body<'deleteCurrentUser'>, options?: CallOptions): Promise<void>
  /** Signs in with the token of a provider, as the provider's own SDK returned it. */
  signInWithSocial(body: Body<'signInSocially'>, options?: CallOptions): Promise<Schemas['Session']>
  /** Returns the URL of a sign-in by redirect, which ends at `redirect_to`, signed in by cookie or with a `code`. */
  socialLoginUrl(provider: string, query: { redirect_to: string; code_challenge?: string }): string
  /** Exchanges that `code` for a session. */
  exchangeSocialLogin(body: Body<'exchangeSocialLogin'>, options?: CallOptions): Promise<Schemas['Session']>
  /**
   * Leads the browser to the service's own page to sign in or up, which leads back to `redirectTo` with a code. Throws the browser's
   * error where sessionStorage takes nothing.
   */
  signInWithRedirect(options: RedirectOptions): Promise<void>
  /**
   * Finishes `signInWithRedirect` on the page at its `redirectTo`: exchanges the code in the page's address, and removes it there.
   *
   * @returns the session; null where the address has no code that this tab asked for
   */
  finishSignInRedirect(options?: CallOptions): Promise<Session | null>
  /** Lists the linked providers of the account. */
  listIdentities(options?: CallOptions): Answer<'listIdentities'>
  linkIdentity(provider: string, body: Body<'linkIdentity'>, options?: CallOptions): Answer<'linkIdentity'>
  unlinkIdentity(id: string, options?: CallOptions): Answer<'unlinkIdentity'>
  /** Sets the first password of an account that has none. */
  setPassword(body: Body<'setPassword'>, options?: CallOptions): Answer<'setPassword'>
  listUserApiKeys(options?: CallOptions): Answer<'listApiKeys'>
  /** Creates an API key. Only this answer has its `plain_text_key`. */
  createUserApiKey(body: Body<'createApiKey'>, options?: CallOptions): Answer<'createApiKey'>
  revokeUserApiKey(id: string, options?: CallOptions): Answer<'revokeApiKey'>
  listTeams(options?: CallOptions): Answer<'listTeams'>
  createTeam(body: Body<'createTeam'>, options?: CallOptions): Answer<'createTeam'>
  getTeam(id: string, options?: CallOptions): Answer<'getTeam'>
  updateTeam(id: string, body: Body<'updateTeam'>, options?: CallOptions): Answer<'updateTeam'>
  deleteTeam(id: string, options?: CallOptions): Answer<'deleteTeam'>
  listTeamMembers(id: string, options?: CallOptions): Answer<'listTeamMembers'>
  addTeamMember(id: string, body: Body<'addTeamMember'>, options?: CallOptions): Answer<'addTeamMember'>
  /** Changes a member's role; `user` is the uuid of the member. */
  updateTeamMember(
    id: string,
    user: string,
    body: Body<'updateTeamMember'>,
    options?: CallOptions,
  ): Answer<'updateTeamMember'>
  removeTeamMember(id: string, user: string, options?: CallOptions): Answer<'removeTeamMember'>
  listTeamInvitations(id: string, options?: CallOptions): Answer<'listTeamInvitations'>
  inviteToTeam(id: string, body: Body<'inviteToTeam'>, options?: CallOptions): Answer<'inviteToTeam'>
  revokeTeamInvitation(id: string, invitation: string, options?: CallOptions): Answer<'revokeTeamInvitation'>
  /** Accepts an invitation with the token of its mail. The user must own the invited address. */
  acceptTeamInvitation(
    body: Body<'acceptTeamInvitation'>,
    options?: CallOptions,
  ): Answer<'acceptTeamInvitation'>
  /** Stops listening to other tabs. The client must not be used afterwards. */
  close(): void
}
