// Finds a TCP port of this machine that no process listens on.
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'

/** @returns a port that is free on 127.0.0.1 at this moment; another process may take it before the caller does */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}
