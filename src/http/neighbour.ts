// Requests of programs on this machine, to which a service for this machine alone may tell more.
import type { FastifyRequest } from 'fastify'
import ipaddr from 'ipaddr.js'
import { isLoopback } from '../formats.ts'

const forwarding =
  /^(?:forwarded|via|cdn-loop|x-(?:forwarded|original|envoy)-.*|x-real-ip|(?:x-|x-cluster-|true-|fastly-)?client-ip|cf-connecting-ip)$/

/**
 * Whether a request was sent by a program on this machine, to this machine: from a loopback address, to a loopback name, with no
 * header that a proxy adds, and not in the HTTP/1.0 that nginx speaks by itself. A proxy on this host that adds nothing looks the
 * same; so this counts only where PUBLIC_URL is a loopback address, and nobody else is served.
 */
export function isNeighbour({ raw }: FastifyRequest): boolean {
  const { remoteAddress = '' } = raw.socket
  if (!ipaddr.isValid(remoteAddress) || ipaddr.process(remoteAddress).range() !== 'loopback') return false
  if (raw.httpVersionMajor === 1 && raw.httpVersionMinor === 0) return false
  const origin = `http://${raw.headers.host}`
  if (!URL.canParse(origin) || !isLoopback(new URL(origin).hostname)) return false
  return !Object.keys(raw.headers).some((name) => forwarding.test(name))
}
