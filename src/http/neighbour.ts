// Requests of programs on this machine, which a service on a loopback address may trust with more.
import type { FastifyRequest } from 'fastify'
import ipaddr from 'ipaddr.js'
import { isLoopback } from '../formats.ts'

const forwarding =
  /^(?:forwarded|via|cdn-loop|x-(?:forwarded|original|envoy)-.*|x-real-ip|(?:x-|x-cluster-|true-|fastly-)?client-ip|cf-connecting-ip)$/

/**
 * Whether a request was sent by a program on this machine, to this machine: from a loopback address, to a loopback name, with no
 * header that a proxy adds, and not in HTTP/1.0, which nginx uses by default. A proxy on this host that adds no header is not
 * recognised, so callers require a loopback PUBLIC_URL as well.
 */
export function isNeighbour({ raw }: FastifyRequest): boolean {
  const { remoteAddress = '' } = raw.socket
  if (!ipaddr.isValid(remoteAddress) || ipaddr.process(remoteAddress).range() !== 'loopback') return false
  if (raw.httpVersionMajor === 1 && raw.httpVersionMinor === 0) return false
  const origin = `http://${raw.headers.host}`
  if (!URL.canParse(origin) || !isLoopback(new URL(origin).hostname)) return false
  return !Object.keys(raw.headers).some((name) => forwarding.test(name))
}
