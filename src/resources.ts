// How much of the machine this process takes: what must be said to libuv and V8 before they have settled it themselves.
import { availableParallelism } from 'node:os'
import { setFlagsFromString } from 'node:v8'

/**
 * Gives libuv threads for a hash on every core and a few beside them, so that files and names do not wait for hashes; to
 * be called before anything uses them. Node 20 has used them by then to load this very module: there it counts for
 * workers, which start with it, and UV_THREADPOOL_SIZE itself for a process alone on more than four cores.
 */
export function widenThreadPool(environment = process.env, node = process.versions.node): void {
  const isAlone = (environment.WORKERS || '1') === '1'
  if (environment.UV_THREADPOOL_SIZE || (isAlone && Number.parseInt(node, 10) < 22)) return
  environment.UV_THREADPOOL_SIZE = String(availableParallelism() + 4)
}

/**
 * Collects garbage before it is a third of what is in use. On a machine with much memory V8 lets it grow to four times that
 * before it looks, and a worker with full caches to 450 MB instead of 200, for no measurable gain in speed.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--heap-growing-percent=30')
}
