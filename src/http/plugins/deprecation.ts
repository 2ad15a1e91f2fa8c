// Announces deprecated routes and fields, in answers and in the documents.
import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import { type Deprecation, deprecationHeaders } from '../deprecations.ts'
import { plugin } from './plugin.ts'

interface DeprecationOptions {
  readonly table: readonly Deprecation[]
  /** URL of the documents, for `Link`. */
  readonly documents: string
}

interface BodySchema {
  readonly properties?: Record<string, object>
}

type Done = () => void

/** Adds the headers to every answer of a route, refusals included. */
function announceRoute(route: RouteOptions, headers: Record<string, string>): void {
  route.schema = { ...route.schema, deprecated: true }
  const announce = (_request: FastifyRequest, reply: FastifyReply, done: Done) => {
    reply.headers(headers)
    done()
  }
  route.onRequest = [announce, ...[route.onRequest ?? []].flat()]
}

/** Adds the headers to the answers of requests that send the field. A test checks that the documents have the field. */
function announceField(route: RouteOptions, field: string, headers: Record<string, string>): void {
  const body = route.schema?.body as BodySchema | undefined
  const property = body?.properties?.[field]
  if (!property) return
  const properties = { ...body.properties, [field]: { ...property, deprecated: true } }
  route.schema = { ...route.schema, body: { ...body, properties } }
  const announce = (request: FastifyRequest, reply: FastifyReply, done: Done) => {
    const { body: sent } = request
    if (typeof sent === 'object' && sent !== null && Object.hasOwn(sent, field)) reply.headers(headers)
    done()
  }
  route.preValidation = [announce, ...[route.preValidation ?? []].flat()]
}

export const deprecation = plugin<DeprecationOptions>('deprecation', async (api, { table, documents }) => {
  // Routes without an entry get no hook.
  api.addHook('onRoute', (route) => {
    for (const entry of table) {
      if (entry.route !== `${String(route.method)} ${route.url}`) continue
      const headers = deprecationHeaders(entry, documents)
      if (entry.field === undefined) announceRoute(route, headers)
      else announceField(route, entry.field, headers)
    }
  })
})
