// The process: configuration, then the app, then a clean stop on a signal.
import { startApp } from './app.ts'
import { ConfigError, exitConfig, readConfig } from './config.ts'
import { createLogger, standardOutput } from './logging.ts'
import { operatorMessage, welcome } from './operator.ts'

try {
  const config = readConfig()
  const log = createLogger(config.logLevel, standardOutput(config.logFormat))
  const starting = startApp(config, log)
  let stopping = false
  const stop = async (signal: NodeJS.Signals) => {
    // Ctrl-C reaches a process that npm started twice: from the terminal and from npm.
    if (stopping) return
    stopping = true
    log.info({ signal }, 'Stopping')
    // What does not end by itself is cut off before a container's grace period is over.
    setTimeout(() => process.exit(1), 20_000).unref()
    const app = await starting.catch(() => null)
    if (!app) return
    await app.close()
    process.exit(0)
  }
  process.on('SIGTERM', stop).on('SIGINT', stop)
  const app = await starting
  if (!stopping) {
    log.info({ url: app.url, docs: `${config.publicUrl}/docs` }, 'Ready')
    if (!config.databaseUrl || process.stdout.isTTY) console.log(welcome(config))
  }
} catch (error) {
  console.error(operatorMessage(error))
  process.exitCode = error instanceof ConfigError ? exitConfig : 1
}
