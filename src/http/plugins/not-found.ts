// Answers requests without a route: 404, or 405 with Allow where the path has other methods (RFC 9110 §15.5.6).
import type { Answer } from '../refusal.ts'
import { plugin } from './plugin.ts'

/** Answers for every path below the scope that registers it, with that scope's hooks, CORS among them. */
export const notFound = plugin<{ answer: Answer }>('not-found', async (api, { answer }) => {
  const methodsOf = new Map<string, { shape: RegExp; methods: Set<string> }>()
  api.addHook('onRoute', ({ url, method }) => {
    const shape = new RegExp(
      `^${url
        .replace(/[.+?^$()[\]{}|\\]/g, '\\$&')
        .replace(/:[^/]+/g, '[^/]+')
        .replace('*', '.*')}/?$`,
    )
    const entry = methodsOf.get(url) ?? { shape, methods: new Set<string>() }
    for (const name of [method].flat()) entry.methods.add(name)
    methodsOf.set(url, entry)
  })
  api.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? ''
    const allowed = new Set<string>()
    for (const { shape, methods } of methodsOf.values())
      if (shape.test(path) && !shape.source.includes('.*')) for (const name of methods) allowed.add(name)
    if (allowed.size === 0 || allowed.has(request.method))
      return answer(request, reply, { code: 'route_not_found' })
    reply.header('allow', [...allowed].sort().join(', '))
    return answer(request, reply, { code: 'method_not_allowed' })
  })
})
