// What anyone may ask: keys, metadata of discovery, health.
import { request, type Scenario } from '../steps.ts'

const metadata: Scenario = {
  name: 'metadata',
  steps: [
    request('GET /.well-known/jwks.json 200'),
    request('GET /.well-known/openid-configuration 200'),
    request('GET /.well-known/oauth-authorization-server 200'),
    request('GET /.well-known/oauth-authorization-server/projects/{{project}} 404'),
    request('GET /.well-known/webauthn 200'),
    request('GET /.well-known/passkey-endpoints 200'),
    request('GET /projects/{{project}}/.well-known/openid-configuration 404'),
    request('GET /projects/{{project}}/.well-known/webauthn 200'),
    request('GET /projects/{{project}}/.well-known/passkey-endpoints 200'),
    request('GET /projects/{{unknown}}/.well-known/webauthn 404'),
    request('GET /health/live 200'),
    request('GET /health/ready 200'),
    request('GET /metrics 200'),
    request('GET /api/auth/avatars/{{unknown}} 404'),
    request('GET /api/auth/nothing 404'),
  ],
}

const ofProject: Scenario = {
  name: 'metadata-of-project',
  policy: { tokens: { issuer: 'project' } },
  steps: [
    request('GET /.well-known/oauth-authorization-server/projects/{{project}} 200'),
    request('GET /projects/{{project}}/.well-known/openid-configuration 200'),
  ],
}

export const open = [metadata, ofProject]
