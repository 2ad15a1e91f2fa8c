// npx . init: a new application from a template, with this installation's own packages.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { basename, join, relative, resolve } from 'node:path'
import { promisify } from 'node:util'
import { readConfig } from '../config/config.ts'
import { ensureDefaultProject } from '../domain/projects/projects.ts'
import { makeFolder } from '../folders.ts'
import { isLoopback } from '../formats.ts'
import { asOutputErrors } from '../output-file.ts'
import { packageRoot } from '../package.ts'
import { type Addresses, allowAddresses } from './allow-addresses.ts'
import { withServices } from './database.ts'
import { CommandError, UsageError } from './errors.ts'
import { argument, command, notBlank, oneOf, option, projectId, required } from './options.ts'
import { printLine } from './standard-output.ts'

type Package = 'client' | 'react' | 'server'

interface Template {
  /** The port of its development server. */
  readonly port: number
  readonly packages: readonly Package[]
  /** What the project must accept of an application at this address. */
  readonly addresses: (appUrl: string) => Addresses
}

const rendered: Omit<Template, 'port'> = {
  packages: ['client', 'server'],
  addresses: (appUrl) => ({ redirectUrls: [`${appUrl}/auth/callback`] }),
}

const templates: Record<string, Template> = {
  next: { port: 3001, ...rendered },
  'vite-react': {
    port: 5173,
    packages: ['client', 'react'],
    addresses: (appUrl) => ({ origins: [appUrl], redirectUrls: [`${appUrl}/`] }),
  },
  express: { port: 3001, ...rendered },
  sveltekit: { port: 5173, ...rendered },
}

/** Files that have another name in the template, because npm or git would read them there. */
const renamed: Record<string, string> = { env: '.env', gitignore: '.gitignore' }

/** @throws CommandError for a folder that holds anything, or whose name no package may have */
async function requireEmpty(folder: string): Promise<void> {
  if (!/^[a-z0-9][a-z0-9._-]{0,100}$/.test(basename(folder)))
    throw new CommandError(
      `"${basename(folder)}" cannot be the name of a package: use small letters, digits, dots and hyphens.`,
    )
  const found = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw new CommandError(`${folder} is not a folder that can be read (${error.code}).`)
  })
  if (found.length > 0)
    throw new CommandError(`The folder ${folder} is not empty: it has ${found.slice(0, 3).join(', ')}.`)
}

/** @returns the folders that were missing, the topmost first. @throws CommandError */
function makeApplicationFolder(folder: string): readonly string[] {
  try {
    return makeFolder(folder)
  } catch (error) {
    throw new CommandError(`The folder ${folder} cannot be made: ${(error as Error).message}.`)
  }
}

/** @throws CommandError where a package is not built, as in an installation without development dependencies */
function requireBuilt(packages: readonly Package[]): void {
  const missing = packages.find((name) => !existsSync(join(packageRoot, 'openapi', name, 'dist')))
  if (missing)
    throw new CommandError(`@sallyport/${missing} is not built: run npm run build in ${packageRoot}.`)
}

/** Packs the built packages into the application's folder. @returns what its package.json names, by package */
async function packInto(folder: string, packages: readonly Package[]): Promise<Record<string, string>> {
  const vendor = join(folder, 'sallyport')
  await asOutputErrors(folder, async () => makeFolder(vendor))
  const paths = packages.map((name) => join(packageRoot, 'openapi', name))
  const words = ['pack', ...paths, '--pack-destination', vendor, '--ignore-scripts', '--json']
  const isWindows = process.platform === 'win32'
  const { stdout } = await promisify(execFile)('npm', words, { cwd: vendor, shell: isWindows }).catch(
    (error) => {
      throw new CommandError(`npm could not pack the packages: ${error.message}`)
    },
  )
  const packed = JSON.parse(stdout) as { name: string; filename: string }[]
  return Object.fromEntries(
    packed.map(({ name, filename }) => [name.replace('@sallyport/', ''), `file:sallyport/${filename}`]),
  )
}

/** Writes the files of a template into the folder, with the values in the place of their names. */
async function write(template: string, folder: string, values: Record<string, string>): Promise<void> {
  const source = join(packageRoot, 'openapi/templates', template)
  const entries = await readdir(source, { recursive: true, withFileTypes: true })
  for (const { parentPath, name } of entries.filter((entry) => entry.isFile())) {
    const text = await readFile(join(parentPath, name), 'utf8')
    const target = join(folder, relative(source, parentPath))
    makeFolder(target)
    await writeFile(
      join(target, renamed[name] ?? name),
      text.replace(/\{\{(\w+)\}\}/g, (whole, key: string) => values[key] ?? whole),
    )
  }
}

interface Given {
  readonly template: string
  readonly project?: string
  readonly url?: string
  readonly appUrl?: string
}

/** The project of the application: the named one, which then accepts it, or the default one as it is. */
function projectFor({ project }: Given, addresses: Addresses): Promise<string> {
  return withServices(async (services) => {
    if (project) return (await allowAddresses(services, project, addresses)).id
    const { defaultProjectId } = readConfig()
    if (defaultProjectId && defaultProjectId !== 'none') return defaultProjectId
    return (await ensureDefaultProject(services)).id
  })
}

/** @throws UsageError for a text that is not a web address */
const webAddress = (text: string, name: string): string => {
  // The address is written into files as it stands; the parser of URLs passes over line breaks.
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol) || /[\s\p{Cc}"'`\\]/u.test(text))
    throw new UsageError(`${name} must be a web address, such as http://localhost:4000.`)
  return text.replace(/\/+$/, '')
}

/** The command that lets the project accept the application. */
const allowCommand = (project: string, { origins = [], redirectUrls = [] }: Addresses): string =>
  [
    `npx . projects allow ${project}`,
    ...origins.map((each) => `--origin ${each}`),
    ...redirectUrls.map((each) => `--redirect-url ${each}`),
  ].join(' ')

/** Where browsers and the application find the service; a page at localhost and a service at 127.0.0.1 share no cookies. */
function serviceFor(template: string, { url }: Given): string {
  const { publicUrl } = readConfig()
  const own = new URL(url ?? publicUrl)
  if (template === 'vite-react' && isLoopback(own.hostname)) own.hostname = 'localhost'
  return own.href.replace(/\/+$/, '')
}

async function create(given: string, options: Given): Promise<void> {
  const { template: name } = options
  const template = templates[name] as Template
  const folder = resolve(given)
  await requireEmpty(folder)
  requireBuilt(template.packages)
  const made = makeApplicationFolder(folder)
  const appUrl = options.appUrl ?? `http://localhost:${template.port}`
  const addresses = template.addresses(appUrl)
  const project = await projectFor(options, addresses).catch(async (error) => {
    for (const empty of made.toReversed()) await rmdir(empty)
    throw error
  })
  const packed = await packInto(folder, template.packages)
  const port = new URL(appUrl).port || String(template.port)
  const serviceUrl = serviceFor(name, options)
  const values = { ...packed, name: basename(folder), port, appUrl, serviceUrl, projectId: project }
  await asOutputErrors(folder, () => write(name, folder, values))
  const allow = options.project
    ? `The project ${project} accepts ${appUrl}.`
    : `Let the project accept it:\n\n  ${allowCommand(project, addresses)}`
  printLine(`Made ${folder} from the template ${name}. ${allow}\n\nThen:\n
  cd ${given}\n  npm install\n  npm run dev      # ${appUrl}`)
}

export const init = command(
  'init',
  'Makes an application that signs people in, from a template, with the packages of this installation. With --project it also adds the address of the application to the policy of that project; without, it prints the command that does.',
  [
    argument('<FOLDER>', 'a new or empty folder', notBlank),
    required('--template <NAME>', Object.keys(templates).join(', '), oneOf(Object.keys(templates))),
    option(
      '--project <ID>',
      'the project, which then accepts the application; default: the default project',
      projectId,
    ),
    option('--url <URL>', 'where the service is; default: PUBLIC_URL', webAddress),
    option('--app-url <URL>', 'where the application will be; default: a port of localhost', webAddress),
  ],
  create,
)
