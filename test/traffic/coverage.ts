// Which route of openapi/routes.txt a request meets.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../src/package.ts'

export interface Route {
  /** Method and path with the names of its parameters. */
  readonly route: string
  readonly pattern: RegExp
  readonly access: string
  /** Whether it answers a body that it cannot read with 415: it takes one. */
  readonly hasBody: boolean
}

export const routes: readonly Route[] = readFileSync(join(packageRoot, 'openapi/routes.txt'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => {
    const [method = '', path = '', access = ''] = line.split(/ +/)
    const pattern = path.replace(/[.]/g, '\\.').replace(/:\w+/g, '[^/]+')
    const hasBody = / (?:415|unsupported_media_type)\b/.test(line)
    return { route: `${method} ${path}`, pattern: new RegExp(`^${method} ${pattern}$`), access, hasBody }
  })

/** @returns the method and the path with its parameters' names; null where no route fits */
export function routeOf(method: string, path: string): string | null {
  const asked = `${method} ${path.split('?')[0]}`
  const fitting = routes.filter(({ pattern }) => pattern.test(asked))
  // A path without a parameter comes before one with.
  return (fitting.find(({ route }) => !route.includes(':')) ?? fitting[0])?.route ?? null
}
