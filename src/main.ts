// The process: configuration, then the app, then a clean stop on a signal.
import { startApp } from './app.ts'
import { ConfigError, exitConfig, readConfig } from './config.ts'
import { createLogger } from './logging.ts'
import { operatorMessage } from './operator.ts'

try {
  const config = readConfig()
  const log = createLogger(config.logLevel)
  const app = await startApp(config, log)
  log.info({ url: app.url, docs: `${config.publicUrl}/docs` }, 'Ready')
  if (!config.databaseUrl || process.stdout.isTTY)
    console.log(`
  Sallyport is ready.

    Try it     ${config.publicUrl}/docs
    API        ${config.publicUrl}/api/auth
    Mail       ${config.smtpUrl ? 'by SMTP' : `captured in ${config.dataDir}/outbox; links are logged here`}
    Stop       Ctrl-C
`)
  const stop = async (signal: NodeJS.Signals) => {
    log.info({ signal }, 'Stopping')
    // What does not end by itself is cut off before a container's grace period is over.
    setTimeout(() => process.exit(1), 20_000).unref()
    await app.close()
    process.exit(0)
  }
  process.once('SIGTERM', stop).once('SIGINT', stop)
} catch (error) {
  console.error(operatorMessage(error))
  process.exitCode = error instanceof ConfigError ? exitConfig : 1
}
