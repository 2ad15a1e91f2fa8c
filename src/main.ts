// The process: reads the configuration, starts the app (or the workers that each run one), and stops it on a signal.
import cluster from 'node:cluster'
import { Workers } from './cluster/primary.ts'
import { serveAsWorker } from './cluster/worker.ts'
import { readConfig, setDefaults } from './config/config.ts'
import { createLogger, prettyOutput, standardOutput } from './observability/logging.ts'
import { exitCodeOf, operatorMessage, welcome } from './operator-messages.ts'
import { tuneProcess } from './tuning.ts'

/** Milliseconds after SHUTDOWN_DELAY_MS after which a stop that does not end is cut off, before a container is killed. */
const stopMs = 20_000

try {
  const config = readConfig()
  setDefaults(tuneProcess(config))
  const output = config.logFormat === 'pretty' ? await prettyOutput() : standardOutput()
  const log = createLogger(config.logLevel, output)
  const starting =
    cluster.isPrimary && config.workers > 1
      ? Workers.start(config, log)
      : import('./app.ts').then(({ startApp }) => startApp(config, log))
  let stopping = false
  const stop = async (signal: NodeJS.Signals) => {
    // Ctrl-C reaches a process that npm started twice: from the terminal and from npm.
    if (stopping) return
    stopping = true
    if (cluster.isPrimary) log.info({ signal }, 'Stopping')
    setTimeout(() => process.exit(1), config.shutdownDelayMs + stopMs).unref()
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
  process.exitCode = exitCodeOf(error)
  // Its channel to the primary process would keep a worker alive.
  if (cluster.isWorker) process.exit()
}
