// The options of `createSallyport` from variables of the environment, as the templates set them.
import type { SallyportOptions } from './sallyport.js'

/**
 * Reads SALLYPORT_URL, SALLYPORT_PROJECT_ID and APP_URL, and, where they are set, SALLYPORT_INTERNAL_URL and
 * SALLYPORT_PROJECT_SECRET.
 *
 * @param env such as `process.env`
 * @throws TypeError that names what is missing
 */
export function optionsFrom(
  env: Readonly<Record<string, string | undefined>>,
): SallyportOptions & { appUrl: string } {
  const { SALLYPORT_URL: url, SALLYPORT_PROJECT_ID: projectId, APP_URL: appUrl } = env
  const { SALLYPORT_INTERNAL_URL: internalUrl, SALLYPORT_PROJECT_SECRET: projectSecret } = env
  if (!url || !projectId || !appUrl) {
    const missing = ['SALLYPORT_URL', 'SALLYPORT_PROJECT_ID', 'APP_URL'].filter((name) => !env[name])
    throw new TypeError(`Set ${missing.join(', ')}, in .env or in the environment.`)
  }
  return {
    url,
    projectId,
    appUrl,
    ...(internalUrl ? { internalUrl } : {}),
    ...(projectSecret ? { projectSecret } : {}),
  }
}
