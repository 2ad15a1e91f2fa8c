// better-auth, with which the service is compared: the newest version that can be installed from the registry, in a folder
// below node_modules/.cache.
import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import { packageRoot } from '../../src/package.ts'
import { built, type Running, start } from './processes.ts'

const folder = join(packageRoot, 'node_modules', '.cache', 'sallyport-bench-peer')
const manifest = join(folder, 'node_modules', 'better-auth', 'package.json')
const versionsToTry = 30

const npm = (...words: string[]) =>
  execFileSync('npm', words, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })

/** Installs better-auth if it is missing. @returns its version; null if it cannot be installed */
export function installPeer(): string | null {
  const installed = () => (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version
  if (existsSync(manifest)) return installed()
  console.log('  Installing better-auth for the comparison, once…')
  mkdirSync(folder, { recursive: true })
  try {
    const versions = JSON.parse(npm('view', 'better-auth', 'versions', '--json')) as string[]
    const released = versions.filter((version) => /^\d+\.\d+\.\d+$/.test(version)).reverse()
    for (const version of released.slice(0, versionsToTry)) {
      writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
      rmSync(join(folder, 'node_modules'), { recursive: true, force: true })
      try {
        npm('install', '--no-audit', '--no-fund', `better-auth@${version}`, 'pg', '@node-rs/argon2')
        return installed()
      } catch {
        console.log(`  better-auth ${version} cannot be installed from this registry; trying the one before`)
      }
    }
  } catch {
    // Without a registry the comparison is left out, and the report says so.
  }
  return null
}

export interface PeerSettings {
  /** Its default, or the service's hash. */
  readonly passwords: 'scrypt' | 'argon2id'
  /** Its default, its cookie cache, or a renewal at each read. */
  readonly sessions: 'plain' | 'cached' | 'renewed'
  readonly log: string
}

/** Starts it on a new, empty database. */
export async function startPeer(serverUrl: string, name: string, how: PeerSettings): Promise<Running> {
  const sql = postgres(serverUrl, { max: 1, onnotice: () => {} })
  await sql.unsafe(`create database ${name}`).catch((error: { code?: string }) => {
    if (error.code !== '42P04') throw error
  })
  await sql.end()
  copyFileSync(built('test/bench/peer-server.js'), join(folder, 'server.js'))
  return start([join(folder, 'server.js')], {
    readyPath: '/ready',
    log: how.log,
    env: {
      DATABASE_URL: Object.assign(new URL(serverUrl), { pathname: `/${name}` }).href,
      NODE_ENV: 'production',
      PEER_PASSWORDS: how.passwords,
      PEER_SESSIONS: how.sessions,
    },
  })
}
