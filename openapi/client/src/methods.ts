// Every method of a client with what goes in and comes out: the bodies of the service, as its document types them.
import type { components, operations } from './schema.js'
import type { AuthEvent } from './sessions.js'

type Schemas = components['schemas']
export type User = Schemas['User']
export type VerificationRequired = Schemas['VerificationRequired']

/** The session of the signed-in user; in cookie mode without its tokens. */
export type Session = Partial<Schemas['Session']> & { user: User }

/** The last argument of every method. */
export interface CallOptions {
  /** Gives up waiting; a refresh that others wait for too goes on. */
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

/** What an operation answers when all is well. */
type Answer<Id extends keyof operations> = Promise<Success<operations[Id]['responses']>>

/** Proof from a mail: the token of its link, or its code with the address it was sent to. */
export type Proof = { token: string } | { email: string; code: string }

/**
 * Methods take and give the bodies of the service. They throw ApiError (by kind: AuthenticationError,
 * AuthorizationError, NotFoundError, ValidationError, RateLimitError, ServerError), NetworkError where there was no
 * answer, and the reason of their `signal`.
 */
export interface SallyportClient {
  /** Creates an account: a session, or the demand to verify the address first (`verification_required`). */
  signUp(body: Body<'signUp'>, options?: CallOptions): Promise<Schemas['Session'] | VerificationRequired>
  signInWithPassword(body: Body<'signIn'>, options?: CallOptions): Promise<Schemas['Session']>
  /** Refreshes now; rarely needed, since every method does so when it is time. */
  refreshSession(options?: CallOptions): Promise<Session>
  /** The session, refreshed if it is about to end; null: nobody is signed in. Offline, the session as it was. */
  getSession(options?: CallOptions): Promise<Session | null>
  /** Calls `listener` for every change, in other tabs too. Returns the function that ends this. */
  onAuthStateChange(listener: (event: AuthEvent, session: Session | null, error?: Error) => void): () => void
  me(options?: CallOptions): Answer<'getCurrentUser'>
  /** Ends this session. Without an answer of the service it throws, and one is still signed in. */
  signOut(options?: CallOptions): Promise<void>
  /** Ends every session of the user. */
  signOutAll(options?: CallOptions): Promise<void>
  /** Also ends every other session of the user. */
  changePassword(body: Body<'changePassword'>, options?: CallOptions): Answer<'changePassword'>
  forgotPassword(body: Body<'forgotPassword'>, options?: CallOptions): Answer<'forgotPassword'>
  resetPassword(body: Proof & { password: string }, options?: CallOptions): Answer<'resetPassword'>
  resendVerificationEmail(
    body: Body<'resendVerificationEmail'>,
    options?: CallOptions,
  ): Answer<'resendVerificationEmail'>
  confirmVerificationEmail(body: Proof, options?: CallOptions): Answer<'confirmVerificationEmail'>
  /** The user's devices. */
  listSessions(options?: CallOptions): Answer<'listSessions'>
  revokeSession(id: string, options?: CallOptions): Answer<'revokeSession'>
  revokeOtherSessions(options?: CallOptions): Answer<'revokeOtherSessions'>
  updateProfile(body: Body<'updateProfile'>, options?: CallOptions): Answer<'updateProfile'>
  /** A data URI, or the picture's bytes as a Blob with its type. */
  setAvatar(picture: string | Blob, options?: CallOptions): Answer<'putAvatar'>
  deleteAvatar(options?: CallOptions): Answer<'deleteAvatar'>
  changeEmail(body: Body<'changeEmail'>, options?: CallOptions): Answer<'changeEmail'>
  confirmEmailChange(body: Proof, options?: CallOptions): Answer<'confirmEmailChange'>
  undoEmailChange(body: Body<'undoEmailChange'>, options?: CallOptions): Answer<'undoEmailChange'>
  /** What happened to the account, the newest first. */
  listActivity(options?: { cursor?: string; limit?: number } & CallOptions): Answer<'listActivity'>
  /** Everything the service holds of the user. */
  exportAccount(options?: CallOptions): Answer<'exportCurrentUser'>
  deleteAccount(body: Body<'deleteCurrentUser'>, options?: CallOptions): Promise<void>
  /** With what a provider's own SDK gave the page or the app. */
  signInWithSocial(body: Body<'signInSocially'>, options?: CallOptions): Promise<Schemas['Session']>
  /** Where to send the browser instead: it comes back to `redirect_to`, signed in by cookie or with a `code`. */
  socialLoginUrl(provider: string, query: { redirect_to: string; code_challenge?: string }): string
  /** Begins the session of that `code`. */
  exchangeSocialLogin(body: Body<'exchangeSocialLogin'>, options?: CallOptions): Promise<Schemas['Session']>
  /** The providers that open the account. */
  listIdentities(options?: CallOptions): Answer<'listIdentities'>
  linkIdentity(provider: string, body: Body<'linkIdentity'>, options?: CallOptions): Answer<'linkIdentity'>
  unlinkIdentity(id: string, options?: CallOptions): Answer<'unlinkIdentity'>
  /** The first password of an account that has none. */
  setPassword(body: Body<'setPassword'>, options?: CallOptions): Answer<'setPassword'>
  listUserApiKeys(options?: CallOptions): Answer<'listApiKeys'>
  /** `plain_text_key` is told here, and never again. */
  createUserApiKey(body: Body<'createApiKey'>, options?: CallOptions): Answer<'createApiKey'>
  revokeUserApiKey(id: string, options?: CallOptions): Answer<'revokeApiKey'>
  listTeams(options?: CallOptions): Answer<'listTeams'>
  createTeam(body: Body<'createTeam'>, options?: CallOptions): Answer<'createTeam'>
  getTeam(id: string, options?: CallOptions): Answer<'getTeam'>
  updateTeam(id: string, body: Body<'updateTeam'>, options?: CallOptions): Answer<'updateTeam'>
  deleteTeam(id: string, options?: CallOptions): Answer<'deleteTeam'>
  listTeamMembers(id: string, options?: CallOptions): Answer<'listTeamMembers'>
  addTeamMember(id: string, body: Body<'addTeamMember'>, options?: CallOptions): Answer<'addTeamMember'>
  /** `user` is the uuid of the member. */
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
  /** With the token of the mail, as the user it was sent to. */
  acceptTeamInvitation(
    body: Body<'acceptTeamInvitation'>,
    options?: CallOptions,
  ): Answer<'acceptTeamInvitation'>
  /** Lets go of other tabs; the client is not used any more. */
  close(): void
}
