// The admin API: by an operator, and by the back end of a project with its secret.
import { api, password, request, type Scenario, type Sent, signUp, verified } from '../steps.ts'

const admin = (line: string, sent: Sent = {}) =>
  request(line.replace(' ', ' /api/admin'), { as: 'operator', ...sent })
/** Of the scenario's project, by its back end. */
const own = (line: string, { headers, ...sent }: Sent = {}) =>
  request(line.replace(' ', ' /api/admin/projects/{{project}}'), {
    ...sent,
    headers: { authorization: '{{basic}}', ...headers },
  })

/** The policy of the scenario's project, by an operator. */
const policy = (line: string, sent: Sent = {}) =>
  request(line.replace(' ', ' /api/admin/projects/{{project}}'), { as: 'operator', ...sent })

const users: Scenario = {
  name: 'admin-users',
  policy: { deletion: { grace_seconds: 86_400 }, sessions: { notify_new_device: false } },
  steps: [
    signUp('ada', 'ada.admin@example.com'),
    own('POST /users 201', {
      headers: { 'idempotency-key': 'a-user' },
      body: { email: 'ben.admin@example.com', password, verified: true, role: 'admin', display_name: 'Ben' },
      keep: { ben: 'body.uuid' },
    }),
    own('POST /users 422', { body: { email: 'ben.admin@example.com', password } }),
    own('POST /users 422', { body: { email: 'no address' } }),
    own('GET /users?email=ben&limit=1 200', { keep: { ben: 'body.data.0.uuid' } }),
    own('GET /users/{{ben}} 200', { keep: { etag: 'header.etag' } }),
    own('GET /users/{{unknown}} 404'),
    own('PATCH /users/{{ben}} 200', {
      headers: { 'if-match': '{{etag}}' },
      body: { display_name: 'Benjamin', metadata: { vip: true } },
    }),
    own('PATCH /users/{{ben}} 428', { body: { role: 'admin' } }),
    own('PATCH /users/{{ben}} 422', { body: { role: 'king' } }),
    own('POST /users/{{ada-id}}/verify 200'),
    own('POST /users/{{ada-id}}/send-reset 202', { body: {} }),
    own('GET /users/{{ada-id}}/factors 200'),
    own('GET /users/{{ada-id}}/sessions 200', { keep: { session: 'body.data.0.id' } }),
    own('DELETE /users/{{ada-id}}/sessions/{{session}} 204'),
    own('DELETE /users/{{ada-id}}/sessions 204'),
    api('POST /login 200', {
      body: { email: 'ada.admin@example.com', password },
      keep: { ada: 'body.access_token' },
    }),
    api('POST /api-keys 201', { as: 'ada', body: { name: 'Builds' } }),
    own('GET /users/{{ada-id}}/api-keys 200', { keep: { key: 'body.data.0.id' } }),
    own('POST /users/{{ada-id}}/api-keys/{{key}}/revoke 204'),
    own('POST /users/{{ada-id}}/api-keys/{{unknown}}/revoke 404'),
    own('GET /users/{{ada-id}}/identities 200'),
    own('GET /users/{{ada-id}}/teams 200'),
    own('GET /users/{{ada-id}}/activity?limit=1 200'),
    own('GET /users/{{ada-id}}/export 200'),
    admin('POST /projects/{{project}}/users/{{ada-id}}/impersonate 201', {
      body: { reason: 'Ticket 4711' },
      keep: { acting: 'body.access_token', 'acting-session': 'body.session_id' },
    }),
    admin('POST /projects/{{project}}/users/{{ada-id}}/impersonate 422', { body: { reason: ' ' } }),
    api('GET /me 200', { as: 'acting' }),
    api('POST /change-password 403', {
      as: 'acting',
      body: { current_password: password, new_password: password },
    }),
    own('GET /impersonations 200'),
    own('DELETE /impersonations/{{acting-session}} 204'),
    own('POST /users/{{ben}}/reset-factors 422'),
    own('DELETE /users/{{ben}}/reset-factors 204'),
    own('POST /users/{{ben}}/disable 200'),
    api('POST /login 403', { body: { email: 'ben.admin@example.com', password } }),
    own('POST /users/{{ben}}/enable 200'),
    own('DELETE /users/{{ben}} 200'),
    own('POST /users/{{ben}}/restore 200'),
    own('DELETE /users/{{ben}}?now=true 204'),
  ],
}

const teams: Scenario = {
  name: 'admin-teams',
  steps: [
    ...verified('ada', 'ada.adminteams@example.com'),
    ...verified('ben', 'ben.adminteams@example.com'),
    own('POST /teams 201', { body: { name: 'Rockets' }, keep: { team: 'body.team.id' } }),
    own('POST /teams 422', { body: { name: '' } }),
    own('GET /teams 200', { keep: { team: 'body.data.0.id' } }),
    own('GET /teams/{{team}} 200'),
    own('GET /teams/{{unknown}} 404'),
    own('PATCH /teams/{{team}} 200', { body: { name: 'Rockets and more' } }),
    own('POST /teams/{{team}}/members 201', {
      body: { email: 'ada.adminteams@example.com', role: 'VIEWER' },
    }),
    own('POST /teams/{{team}}/members 422', { body: { email: 'unknown@example.com', role: 'VIEWER' } }),
    own('GET /teams/{{team}}/members 200'),
    own('PATCH /teams/{{team}}/members/{{ada-id}} 200', { body: { role: 'ADMIN' } }),
    own('POST /teams/{{team}}/members 201', {
      body: { email: 'ben.adminteams@example.com', role: 'VIEWER' },
    }),
    own('DELETE /teams/{{team}}/members/{{ben-id}} 204'),
    own('DELETE /teams/{{team}}/members/{{ada-id}} 409'),
    own('DELETE /teams/{{team}} 204'),
  ],
}

const project: Scenario = {
  name: 'admin-project',
  policy: { webhooks: { allow_private_network: true } },
  steps: [
    signUp('ada', 'ada.adminproject@example.com'),
    request('GET /api/admin/projects/{{project}} 200', { headers: { authorization: '{{basic}}' } }),
    request('PATCH /api/admin/projects/{{project}} 200', { as: 'operator', body: { name: 'Renamed' } }),
    own('GET /policy 200', { keep: { etag: 'header.etag' } }),
    policy('PATCH /policy?preview=true 200', { body: { lockout: { failures: 7 } } }),
    policy('PATCH /policy 200', { body: { lockout: { failures: 7 } }, headers: { 'if-match': '{{etag}}' } }),
    policy('PATCH /policy 412', { body: { lockout: { failures: 8 } }, headers: { 'if-match': '{{etag}}' } }),
    own('PATCH /policy 403', { body: { lockout: { failures: 8 } }, headers: { 'if-match': '*' } }),
    own('PATCH /policy 428', { body: { sign_up: 'closed' } }),
    policy('GET /policy 200', { keep: { etag: 'header.etag' } }),
    policy('PATCH /policy 422', { body: { lockouts: { failures: 7 } }, headers: { 'if-match': '{{etag}}' } }),
    policy('PUT /policy 200', {
      body: { webhooks: { allow_private_network: true } },
      headers: { 'if-match': '{{etag}}' },
    }),
    own('GET /mails 200', { keep: { mail: 'body.data.0.id' } }),
    own('POST /mails/{{unknown}}/retry 404'),
    own('GET /events?limit=1 200'),
    request('GET /api/admin/audit?project={{project}}&limit=1 200', { as: 'operator' }),
    request('GET /api/admin/audit/export?project={{project}} 200', { as: 'operator' }),
    request('GET /api/admin/audit/verify?project={{project}} 200', { as: 'operator' }),
    request('GET /api/admin/stats?project={{project}} 200', { as: 'operator' }),
    // The port of discard: nothing listens.
    own('POST /webhooks 201', {
      body: { url: 'http://127.0.0.1:9/hook', description: 'Ours', types: ['user.created'] },
      keep: { webhook: 'body.webhook.id' },
    }),
    own('POST /webhooks 422', { body: { url: 'no address' } }),
    own('GET /webhooks 200'),
    own('GET /webhooks/{{webhook}} 200'),
    own('GET /webhooks/{{unknown}} 404'),
    own('PATCH /webhooks/{{webhook}} 200', { body: { description: 'Ours, too' } }),
    own('POST /webhooks/{{webhook}}/test 202'),
    own('GET /webhooks/{{webhook}}/deliveries 200', { keep: { delivery: 'body.data.0.id' } }),
    own('POST /webhooks/{{webhook}}/deliveries/{{delivery}}/retry 202'),
    own('POST /webhooks/{{webhook}}/retry-dead 202'),
    own('POST /webhooks/{{webhook}}/rotate-secret 200'),
    own('DELETE /webhooks/{{webhook}} 204'),
    request('POST /api/admin/projects/{{project}}/rotate-secret 200', { as: 'operator' }),
    own('GET /users 401'),
  ],
}

const operators: Scenario = {
  name: 'admin-operators',
  steps: [
    admin('GET /me 200'),
    admin('GET /policy-schema 200'),
    admin('GET /projects 200'),
    admin('POST /projects 201', { body: { name: 'Made by an operator' }, keep: { made: 'body.project.id' } }),
    admin('POST /projects 422', { body: { name: '', policy: { nothing: true } } }),
    admin('POST /projects/{{made}}/archive 200'),
    admin('POST /projects/{{made}}/open 200'),
    admin('GET /projects/{{unknown}} 404'),
    admin('GET /projects/{{made}}/keys 200'),
    admin('POST /projects/{{made}}/keys/rotate 200', { body: { force: true } }),
    admin('GET /projects/{{made}}/keys 200', { keep: { kid: 'body.data.1.kid' } }),
    admin('POST /projects/{{made}}/keys/{{kid}}/revoke 200'),
    admin('GET /operators 200'),
    admin('POST /operators 201', {
      body: { email: 'made.operator@example.com', role: 'viewer' },
      keep: { other: 'body.operator.uuid' },
    }),
    admin('GET /operators/{{other}} 200'),
    admin('GET /operators/{{unknown}} 404'),
    admin('PUT /operators/{{other}}/roles 200', { body: { role: 'support', scope: '{{made}}' } }),
    admin('DELETE /operators/{{other}}/roles?scope={{made}} 200'),
    admin('POST /operators/{{other}}/setup-link 200', { keep: { token: 'hash.setup_url' } }),
    request('POST /api/admin/setup 200', {
      body: { token: '{{token}}', password: 'a long operator password' },
    }),
    admin('DELETE /operators/{{other}} 200'),
    request('POST /api/admin/setup 422', { body: { token: 'none', password } }),
    admin('POST /operator-keys 201', {
      body: { name: 'Builds', role: 'viewer', expires_at: '2027-01-01T00:00:00Z' },
      keep: { key: 'body.plain_text_key', 'key-id': 'body.key.id' },
    }),
    admin('POST /operator-keys 422', { body: { name: '', role: 'king', expires_at: 'never' } }),
    admin('GET /operator-keys 200'),
    admin('POST /projects 403', { as: 'key', body: { name: 'Not mine' } }),
    admin('POST /operator-keys/{{key-id}}/revoke 200'),
    admin('POST /operator-keys/{{unknown}}/revoke 404'),
    request('GET /api/admin/me 401'),
  ],
}

export const adminScenarios = [users, teams, project, operators]
