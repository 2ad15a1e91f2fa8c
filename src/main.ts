// The process: configuration, then the app (or the workers that each run one), then a clean stop on a signal.
import cluster from 'node:cluster'
import { ConfigError, exitConfig, readConfig, shareArena, widenThreadPool } from './config.ts'
import { createLogger, standardOutput } from './logging.ts'
import { operatorMessage, welcome } from './operator.ts'
import { tuneCollector } from './resources.ts'
import { startWorkers, WorkerError } from './workers/primary.ts'
import { serveAsWorker } from './workers/worker.ts'

try {
  widenThreadPool()
  shareArena()
  tuneCollector()
  const config = readConfig()
  const log = createLogger(config.logLevel, standardOutput(config.logFormat))
  const isPrimary = cluster.isPrimary && config.workers > 1
  const starting = isPrimary
    ? startWorkers(config, log)
    : import('./app.ts').then(({ startApp }) => startApp(config, log))
  let stopping = false
  const stop = async (signal: NodeJS.Signals) => {
    // Ctrl-C reaches a process that npm started twice: from the terminal and from npm.
    if (stopping) return
    stopping = true
    if (cluster.isPrimary) log.info({ signal }, 'Stopping')
    // What does not end by itself is cut off before a container's grace period is over.
    setTimeout(() => process.exit(1), 20_000).unref()
    const app = await starting.catch(() => null)
    if (!app) return
    await app.close()
    process.exit(0)
  }
  // Ctrl-C reaches workers too; they end when the primary process tells them to.
  process.on('SIGTERM', stop).on('SIGINT', cluster.isPrimary ? stop : () => {})
  const app = await starting
  if (cluster.isWorker && 'server' in app) serveAsWorker(app)
  else if (!stopping) {
    log.info({ url: app.url, docs: `${config.publicUrl}/docs` }, 'Ready')
    if (!config.databaseUrl || process.stdout.isTTY) console.log(welcome(config))
  }
  if ('failed' in app) await app.failed
} catch (error) {
  console.error(operatorMessage(error))
  const code = error instanceof WorkerError ? error.code : 1
  process.exitCode = error instanceof ConfigError ? exitConfig : code
  // The channel to the primary process would keep it.
  if (cluster.isWorker) process.exit()
}
