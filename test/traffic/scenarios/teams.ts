// Teams, their members and invitations.
import { api, mail, type Scenario, verified } from '../steps.ts'

const bySecret = { 'project-secret': '{{secret}}' }

const life: Scenario = {
  name: 'teams',
  policy: { teams: { max_per_user: 2 }, sessions: { notify_new_device: false } },
  steps: [
    ...verified('ada', 'ada.teams@example.com'),
    ...verified('ben', 'ben.teams@example.com'),
    ...verified('eve', 'eve.teams@example.com'),
    api('GET /teams 200', { as: 'ada' }),
    api('POST /teams 201', {
      as: 'ada',
      headers: { 'idempotency-key': 'the-first-team' },
      body: { name: 'Rockets' },
      keep: { team: 'body.id' },
    }),
    api('POST /teams 422', { as: 'ada', body: { name: '' } }),
    api('POST /teams 201', { as: 'ada', body: { name: 'Ships' }, keep: { second: 'body.id' } }),
    api('POST /teams 409', { as: 'ada', body: { name: 'Trains' } }),
    api('GET /teams 200', { as: 'ada' }),
    api('GET /teams/{{team}} 200', { as: 'ada' }),
    api('GET /teams/{{team}} 404', { as: 'eve' }),
    api('PATCH /teams/{{team}} 200', { as: 'ada', body: { name: 'Rockets and more' } }),
    api('POST /teams/{{team}}/members 201', {
      as: 'ada',
      headers: bySecret,
      body: { email: 'ben.teams@example.com', role: 'VIEWER' },
    }),
    api('POST /teams/{{team}}/members 202', {
      as: 'ada',
      body: { email: 'eve.teams@example.com', role: 'BUILDER' },
    }),
    api('POST /teams/{{team}}/members 422', {
      as: 'ada',
      body: { email: 'ben.teams@example.com', role: 'KING' },
    }),
    api('GET /teams/{{team}}/invitations 200', { as: 'ada' }),
    api('GET /teams/{{team}}/invitations 403', { as: 'ben' }),
    mail('eve.teams@example.com', 'team_invitation', { token: 'token' }),
    api('POST /team-invitations/accept 422', { as: 'eve', body: { token: 'none' } }),
    api('POST /team-invitations/accept 200', { as: 'eve', body: { token: '{{token}}' } }),
    api('GET /teams/{{team}}/members 200', { as: 'ben' }),
    api('PATCH /teams/{{team}} 403', { as: 'ben', body: { name: 'Mine' } }),
    api('PATCH /teams/{{team}}/members/{{ben-id}} 200', { as: 'ada', body: { role: 'OPERATOR' } }),
    api('PATCH /teams/{{team}}/members/{{ada-id}} 409', { as: 'ada', body: { role: 'VIEWER' } }),
    api('PATCH /teams/{{team}}/members/{{unknown}} 404', { as: 'ada', body: { role: 'VIEWER' } }),
    api('DELETE /teams/{{team}}/members/{{eve-id}} 403', { as: 'ben' }),
    api('DELETE /teams/{{team}}/members/{{eve-id}} 204', { as: 'ada' }),
    api('DELETE /teams/{{team}}/members/{{ada-id}} 409', { as: 'ada' }),
    api('POST /teams/{{team}}/invitations 202', {
      as: 'ada',
      body: { email: 'new.teams@example.com', role: 'ADMIN' },
    }),
    api('POST /teams/{{team}}/invitations 403', {
      as: 'ben',
      body: { email: 'new.teams@example.com', role: 'ADMIN' },
    }),
    api('GET /teams/{{team}}/invitations 200', { as: 'ada', keep: { invitation: 'body.data.0.id' } }),
    api('DELETE /teams/{{team}}/invitations/{{invitation}} 204', { as: 'ada' }),
    api('DELETE /teams/{{team}}/invitations/{{unknown}} 404', { as: 'ada' }),
    api('DELETE /teams/{{team}} 403', { as: 'ben' }),
    api('DELETE /teams/{{team}} 204', { as: 'ada' }),
    api('GET /teams/{{team}} 404', { as: 'ada' }),
  ],
}

export const teams = [life]
