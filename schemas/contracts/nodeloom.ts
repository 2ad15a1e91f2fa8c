// NodeLoom's documented requests and answers, in its own spelling.
import { type TSchema, Type } from '@sinclair/typebox'
import { closed, OneOf, optionalBody, Secret, Shared } from '../primitives.ts'
import { json } from '../responses.ts'
import { byAnyone } from '../security.ts'
import { type Messages, reasonPhrases, refusalResponses } from './refusals.ts'

const status = (description: string, example: number) => Type.Integer({ description, examples: [example] })
const instant = Type.String({ format: 'date-time', examples: ['2026-02-17T10:30:00.000Z'] })
const uuid = (example: string) => Type.String({ format: 'uuid', examples: [example] })
const text = (example: string) => Type.String({ examples: [example] })

const NodeLoomError = Type.Object(
  {
    status: status('The status of the response.', 401),
    error: Type.String({ description: 'The reason phrase of the status.', examples: ['Unauthorized'] }),
    message: text('Invalid credentials'),
    timestamp: instant,
    path: Type.String({ description: 'The path of the request.', examples: ['/nodeloom/api/auth/login'] }),
  },
  { $id: 'NodeLoomError', ...closed },
)

const NodeLoomMessage = Type.Object(
  { message: text('Logged out successfully') },
  { $id: 'NodeLoomMessage', ...closed },
)

const Role = OneOf(['ADMIN', 'BUILDER', 'OPERATOR', 'VIEWER'], { examples: ['ADMIN'] })
const teamId = uuid('7c1f7a52-4f0b-4d8e-9c58-0b1f6f1e2a3d')
const userId = uuid('d4e5f6a7-b8c9-4d01-a234-56789bcdef01')
const named = (example: string) =>
  Type.String({ description: 'Empty where the account has none.', examples: [example] })

export const NodeLoomUser = Type.Object(
  {
    id: userId,
    firstName: named('Jane'),
    lastName: named('Doe'),
    email: text('jane@example.com'),
    teams: Type.Array(Type.Object({ teamId, teamName: text('My Team'), role: Role }, closed)),
  },
  { $id: 'NodeLoomUser', ...closed },
)

export const NodeLoomTeam = Type.Object(
  {
    id: teamId,
    name: text('Engineering'),
    memberCount: Type.Integer({ minimum: 1, examples: [8] }),
    role: { ...Role, description: 'The role of the signed-in user.' },
    createdAt: instant,
  },
  { $id: 'NodeLoomTeam', ...closed },
)

export const NodeLoomMember = Type.Object(
  {
    userId,
    email: text('jane@example.com'),
    firstName: named('Jane'),
    lastName: named('Doe'),
    role: Role,
    joinedAt: instant,
  },
  { $id: 'NodeLoomMember', ...closed },
)

export const nodeloomSchemas = [
  NodeLoomError,
  NodeLoomMessage,
  NodeLoomUser,
  NodeLoomTeam,
  NodeLoomMember,
] as const

const header = (type: 'integer' | 'string', description: string) => ({ type, description })
const limits = {
  'X-RateLimit-Limit': header('integer', 'Requests of this kind that a client address may make in a window.'),
  'X-RateLimit-Remaining': header('integer', 'Requests that are left in the window.'),
  'X-RateLimit-Reset': header('integer', 'When the window ends, in Unix seconds.'),
}
const cookie = { 'Set-Cookie': header('string', 'The session cookie: HttpOnly, for 24 hours.') }
const noCookie = { 'Set-Cookie': header('string', 'Removes the session cookie.') }

const jsonResponse = <T extends TSchema>(description: string, schema: T, headers = {}) =>
  json(description, schema, { ...limits, ...headers })

/** @param path the path of the examples, below /nodeloom */
const refusals = (path: string, sentences: Messages) =>
  refusalResponses(sentences, {
    common: {
      400: ['Malformed request'],
      429: ['Too many requests'],
      500: ['Internal server error'],
      503: ['Service unavailable'],
    },
    error: NodeLoomError,
    headers: limits,
    body: (status, message) => ({
      status,
      error: reasonPhrases[status],
      message,
      timestamp: '2026-02-17T10:30:00.000Z',
      path: `/nodeloom${path}`,
    }),
  })

const withBody = {
  403: ['Cross-site request refused'],
  413: ['Request body too large'],
  415: ['Content type must be application/json'],
}
const unauthorized = { 401: ['Authentication required', 'Invalid or expired session'] }
const teamUnknown = { 404: ['Team not found'] }
const memberUnknown = { 404: ['Team not found', 'Team member not found'] }
/** The refusals of a route that changes a team, which only its ADMINs may call. */
const ofAdmins = { ...withBody, ...unauthorized, 403: [...withBody[403], 'ADMIN role required'] }
const session = [{ session: [] }]

export const login = {
  operationId: 'login',
  tags: ['Authentication'],
  summary: 'Authenticate and receive a JWT cookie',
  security: byAnyone,
  body: Type.Object({
    email: Type.String({ format: 'email', maxLength: 255, examples: ['jane@example.com'] }),
    password: Secret(Type.String({ minLength: 1, maxLength: 1024, examples: ['securepassword123'] })),
  }),
  response: {
    200: jsonResponse('The user, and the cookie.', Shared(NodeLoomUser), cookie),
    ...refusals('/api/auth/login', {
      400: ['Email is required', 'Email must be valid', 'Password is required', 'Password is too long'],
      401: ['Invalid credentials', 'Email address is not verified', 'Account is disabled'],
      ...withBody,
      429: ['Too many failed attempts, please try again later'],
    }),
  },
}

export const refresh = {
  operationId: 'refresh',
  tags: ['Authentication'],
  summary: 'Refresh the JWT token before it expires',
  security: session,
  response: {
    200: jsonResponse('A cookie that expires later.', Shared(NodeLoomMessage), cookie),
    ...refusals('/api/auth/refresh', {
      ...withBody,
      401: [...unauthorized[401], 'Email address is not verified'],
    }),
  },
}

export const logout = {
  operationId: 'logout',
  tags: ['Authentication'],
  summary: 'Clear the JWT cookie and end the session',
  description: 'The answer is the same without a cookie, or with one whose session has ended.',
  security: [{}, ...session],
  response: {
    200: jsonResponse('Logged out.', Shared(NodeLoomMessage), noCookie),
    ...refusals('/api/auth/logout', withBody),
  },
}

const pathId = (description: string) => Type.String({ description, examples: [String(teamId.examples)] })
const ofTeam = { teamId: pathId('Of the team.') }
const name = Type.String({
  maxLength: 255,
  description: '1 to 100 characters after trimming, without line breaks.',
  examples: ['Engineering'],
})
const nameSentences = ['Team name must have 1 to 100 characters, without line breaks']

export const listTeams = {
  operationId: 'listTeams',
  tags: ['Teams'],
  summary: 'List all teams the authenticated user belongs to',
  security: session,
  response: {
    200: jsonResponse('The teams, the oldest first.', Type.Array(Shared(NodeLoomTeam))),
    ...refusals('/api/teams', unauthorized),
  },
}

export const createTeam = {
  operationId: 'createTeam',
  tags: ['Teams'],
  summary: 'Create a new team',
  description: 'The creator becomes its ADMIN.',
  security: session,
  body: Type.Object({ name }),
  response: {
    201: jsonResponse('The team.', Shared(NodeLoomTeam)),
    ...refusals('/api/teams', {
      400: ['Team name is required', ...nameSentences, 'Team limit reached'],
      ...unauthorized,
      ...withBody,
    }),
  },
}

export const getTeam = {
  operationId: 'getTeam',
  tags: ['Teams'],
  summary: 'Get detailed information about a specific team',
  security: session,
  params: Type.Object(ofTeam),
  response: {
    200: jsonResponse('The team.', Shared(NodeLoomTeam)),
    ...refusals('/api/teams/{teamId}', { ...unauthorized, ...teamUnknown }),
  },
}

export const updateTeam = {
  operationId: 'updateTeam',
  tags: ['Teams'],
  summary: 'Update team details (requires ADMIN role)',
  security: session,
  params: Type.Object(ofTeam),
  ...optionalBody,
  body: Type.Object({ name: Type.Optional(name) }, { examples: [{ name: 'Engineering' }] }),
  response: {
    200: jsonResponse('The team as it is now.', Shared(NodeLoomTeam)),
    ...refusals('/api/teams/{teamId}', { 400: nameSentences, ...ofAdmins, ...teamUnknown }),
  },
}

export const deleteTeam = {
  operationId: 'deleteTeam',
  tags: ['Teams'],
  summary: 'Delete a team (requires ADMIN role)',
  description: 'Its members stay users; its open invitations are withdrawn.',
  security: session,
  params: Type.Object(ofTeam),
  response: {
    200: jsonResponse('`Team deleted successfully`', Shared(NodeLoomMessage)),
    ...refusals('/api/teams/{teamId}', { ...ofAdmins, ...teamUnknown }),
  },
}

export const listMembers = {
  operationId: 'listTeamMembers',
  tags: ['Team members'],
  summary: 'List all members of a team',
  security: session,
  params: Type.Object(ofTeam),
  response: {
    200: jsonResponse('The members, the highest role first.', Type.Array(Shared(NodeLoomMember))),
    ...refusals('/api/teams/{teamId}/members', { ...unauthorized, ...teamUnknown }),
  },
}

export const addMember = {
  operationId: 'addTeamMember',
  tags: ['Team members'],
  summary: 'Add a member to a team (requires ADMIN role)',
  description:
    'Invites the owner of the address by mail, so the answer does not reveal whether there is an account. With `project-secret` a back end adds the account at once.',
  security: session,
  headers: Type.Object({
    'project-secret': Type.Optional(
      Secret(Type.String({ description: 'Authenticates a back end of the application.' })),
    ),
  }),
  params: Type.Object(ofTeam),
  body: Type.Object({
    email: Type.String({ format: 'email', maxLength: 255, examples: ['john@example.com'] }),
    role: { ...Role, examples: ['BUILDER'] },
  }),
  response: {
    201: jsonResponse('The member, added at once.', Shared(NodeLoomMember)),
    202: jsonResponse('`Invitation sent successfully`', Shared(NodeLoomMessage)),
    ...refusals('/api/teams/{teamId}/members', {
      400: [
        'Email is required',
        'Email must be valid',
        'Role is required',
        'Role must be ADMIN, BUILDER, OPERATOR or VIEWER',
        'User is already a member of the team',
        'User not found',
        'Team limit reached',
      ],
      ...ofAdmins,
      ...teamUnknown,
    }),
  },
}

const ofMember = { ...ofTeam, userId: pathId('Of the member.') }

export const updateMember = {
  operationId: 'updateTeamMember',
  tags: ['Team members'],
  summary: 'Change the role of a member (requires ADMIN role)',
  description: 'The last ADMIN keeps the role.',
  security: session,
  params: Type.Object(ofMember),
  body: Type.Object({ role: { ...Role, examples: ['OPERATOR'] } }),
  response: {
    200: jsonResponse('The member as changed.', Shared(NodeLoomMember)),
    ...refusals('/api/teams/{teamId}/members/{userId}', {
      400: [
        'Role is required',
        'Role must be ADMIN, BUILDER, OPERATOR or VIEWER',
        'Team must have at least one ADMIN',
      ],
      ...ofAdmins,
      ...memberUnknown,
    }),
  },
}

export const removeMember = {
  operationId: 'removeTeamMember',
  tags: ['Team members'],
  summary: 'Remove a member from a team (requires ADMIN role), or leave it',
  security: session,
  params: Type.Object(ofMember),
  response: {
    200: jsonResponse('`Member removed successfully`', Shared(NodeLoomMessage)),
    ...refusals('/api/teams/{teamId}/members/{userId}', {
      400: ['Team must have at least one ADMIN'],
      ...ofAdmins,
      ...memberUnknown,
    }),
  },
}
