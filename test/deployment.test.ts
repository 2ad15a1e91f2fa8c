// The files of docs/operate.md, as an operator copies them: nginx runs its part before a service, systemd reads its unit, and
// every variable in them is one that the service knows.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { variables } from '../src/config/variables.ts'
import { packageRoot } from '../src/package.ts'
import { startTestApp } from './support/app.ts'
import { needs, startNginx } from './support/external-servers.ts'

const document = readFileSync(join(packageRoot, 'docs/operate.md'), 'utf8')
/** The blocks in one language, in order. */
const blocks = (language: string) =>
  [...document.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(
    ([, block = '']) => block,
  )
const block = (language: string, containing: string) => {
  const found = blocks(language).find((text) => text.includes(containing))
  if (!found) throw new Error(`docs/operate.md has no block of ${language} with ${containing}.`)
  return found
}
const isKnown = (name: string) => name in variables || ['NODE_ENV'].includes(name)

t.test(
  'nginx: the block as it is, but for its certificate, is a proxy that the service believes',
  needs('nginx'),
  async (t) => {
    const app = await startTestApp(t, {
      env: { TRUSTED_PROXIES: '127.0.0.1', PUBLIC_URL: 'https://auth.example.com' },
    })
    const server = block('nginx', 'server_name')
      .replace('listen 443 ssl;', 'listen 3000;')
      .replace(/^ *ssl_certificate.*\n/gm, '')
      .replace('http://127.0.0.1:3000', app.url)
    const nginx = await startNginx(
      t,
      `error_log /dev/stderr warn;\nevents {}\nhttp {\n  access_log off;\n${server}}\n`,
    )
    const url = `http://127.0.0.1:${nginx.port}`
    const { email, password } = await app.signUp()
    const answer = await fetch(`${url}/api/auth/login`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'project-id': app.projectId,
        'x-forwarded-for': '203.0.113.9',
      },
      body: JSON.stringify({ email, password }),
    })
    t.equal(answer.status, 200)
    const { access_token } = (await answer.json()) as { access_token: string }
    const list = await app.api('GET', '/sessions', { headers: { authorization: `Bearer ${access_token}` } })
    const own = list.body.data.find((session: { current: boolean }) => session.current)
    t.equal(own.address_prefix, '127.0.0.0/24', 'what a client writes itself is dropped')
    t.equal((await fetch(`${url}/metrics`)).status, 404)
    t.equal((await fetch(`${url}/health/ready`)).status, 200)
  },
)

t.test('systemd: the unit is read without a word', needs('systemd-analyze'), async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-unit-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const unit = block('ini', '[Service]')
  const file = join(folder, 'sallyport.service')
  // The program of this machine, because the path of the example may lead to nothing here.
  writeFileSync(file, unit.replace('/usr/bin/node', process.execPath).replace('/opt/sallyport', packageRoot))
  const said = execFileSync('bash', ['-c', `systemd-analyze verify --man=no ${file} 2>&1 || true`], {
    encoding: 'utf8',
  })
  t.same(
    said.split('\n').filter((line) => line.includes('sallyport.service')),
    [],
  )
  for (const [, words = ''] of unit.matchAll(/^Environment=(.*)$/gm))
    for (const pair of words.split(' ')) t.ok(isKnown(pair.split('=')[0] ?? ''), pair)
  t.match(unit, /^RestartPreventExitStatus=78$/m)
})

t.test('Kubernetes: probes, time to stop and variables fit together', async (t) => {
  const manifests = block('yaml', 'kind: Deployment').split('\n---\n')
  t.same(
    manifests.map((text) => /^kind: (\w+)$/m.exec(text)?.[1]),
    ['Secret', 'Deployment', 'Service', 'PodDisruptionBudget'],
  )
  const [secret = '', deployment = ''] = manifests
  const number = (pattern: RegExp) => Number(pattern.exec(deployment)?.[1])
  const names = [
    ...secret.matchAll(/^ {2}([A-Z_]+): /gm),
    ...deployment.matchAll(/\{ name: ([A-Z_]+), value: /g),
  ]
  t.ok(names.length >= 8)
  for (const [, name = ''] of names) t.ok(isKnown(name), name)
  const delay = number(/SHUTDOWN_DELAY_MS, value: '(\d+)'/) / 1000
  t.ok(number(/terminationGracePeriodSeconds: (\d+)/) >= delay + 20, 'the service may end by itself')
  const [, readiness = ''] = /readinessProbe:\n((?: {12}.*\n)+)/.exec(deployment) ?? []
  const [period, failures] = [/periodSeconds: (\d+)/, /failureThreshold: (\d+)/].map((pattern) =>
    Number(pattern.exec(readiness)?.[1]),
  )
  t.ok(Number(period) * Number(failures) < delay, 'the delay is longer than the probe needs to notice')
  t.match(readiness, /path: \/health\/ready/)
  t.match(deployment, /livenessProbe:\n +httpGet: \{ path: \/health\/live/)
})

t.test('compose: images name a version, instances are limited, variables are known', async (t) => {
  const compose = readFileSync(join(packageRoot, 'compose.yaml'), 'utf8')
  for (const [, image = ''] of compose.matchAll(/^ +image: (.+)$/gm)) t.match(image, /:v?\d+\.\d+/, image)
  const [shared = '', services = ''] = compose.split('\nservices:\n')
  const instances = [shared, ...services.split(/^(?= {2}\w+:)/m)].filter((text) =>
    /^ +build: \.$/m.test(text),
  )
  t.equal(instances.length, 2)
  for (const text of instances) {
    for (const limit of ['mem_limit', 'cpus', 'pids_limit'])
      t.match(text, new RegExp(`^ +${limit}: \\d`, 'm'), limit)
    const [, environment = ''] = /^ +environment:\n((?: +(?:#.*|[A-Z_]+: .*)\n)+)/m.exec(text) ?? []
    const names = [...environment.matchAll(/^ +([A-Z_]+): /gm)].map(([, name = '']) => name)
    t.ok(names.length >= 5)
    for (const name of names) t.ok(isKnown(name), name)
  }
})

t.test('secrets are made once: no line that an operator repeats makes new ones', async (t) => {
  const text = document + readFileSync(join(packageRoot, 'compose.yaml'), 'utf8')
  for (const line of text.split('\n').filter((each) => /docker compose/.test(each)))
    t.notMatch(line, /openssl rand/)
  t.match(block('text', 'compose.env'), /^\[ -e compose\.env \] \|\|/)
})
