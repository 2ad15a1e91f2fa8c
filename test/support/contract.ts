// Checks an answer against the published document of its path: method, status, media type, body.
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import ajvFormats from 'ajv-formats'
import { problemMediaType } from '../../schemas/errors.ts'
import { generateDocuments } from '../../src/http/generate.ts'

interface MediaType {
  schema?: unknown
  /** The examples of a problem are named by the codes that the status can have. */
  examples?: Record<string, unknown>
}
interface Operation {
  responses: Record<string, { content?: Record<string, MediaType> }>
}
interface Document {
  servers: { url: string }[]
  paths: Record<string, Record<string, Operation>>
}

const ajv = new Ajv2020({ strict: false, allErrors: true })
ajvFormats.default(ajv)

interface Template {
  readonly document: string
  readonly template: string
  readonly item: Record<string, Operation>
  readonly shape: RegExp
}

/** Every path of every document, below each URL of its `servers`. */
const templates: Template[] = []
for (const [name, text] of Object.entries(await generateDocuments())) {
  if (!name.endsWith('.json')) continue
  const document = JSON.parse(text) as Document
  ajv.addSchema(document, name)
  for (const { url } of document.servers)
    for (const [template, item] of Object.entries(document.paths)) {
      const path = `${url.replace(/\/$/, '')}${template}`
      const shape = new RegExp(`^${path.replace(/[.]/g, '\\.').replace(/\{[^}]+\}/g, '[^/]+')}$`)
      templates.push({ document: name, template, item, shape })
    }
}
const validators = new Map<string, ValidateFunction>()

const pointer = (...parts: string[]) =>
  parts.map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1')).join('/')

/** The first violation of the document by an answer, or null. Paths that are in no document are not checked. */
export function contractViolation(
  method: string,
  path: string,
  answer: { status: number; mediaType: string; body: unknown },
): string | null {
  const verb = method.toLowerCase()
  const found = templates.find(({ shape, item }) => shape.test(path) && item[verb])
  const operation = found?.item[verb]
  if (!found || !operation) return null
  const where = `${method} ${found.template} ${answer.status}`
  const response = operation.responses[String(answer.status)]
  if (!response) return `${where}: this status is not documented`
  if (!response.content) return answer.body === '' ? null : `${where}: a body is not documented`
  if (!response.content?.[answer.mediaType]?.schema) return `${where}: ${answer.mediaType} is not documented`
  const { code } = (answer.body ?? {}) as { code?: unknown }
  const codes = response.content[answer.mediaType]?.examples ?? {}
  if (answer.mediaType === problemMediaType && !Object.hasOwn(codes, String(code)))
    return `${where}: the code ${code} is not documented`
  const key = pointer(
    'paths',
    found.template,
    verb,
    'responses',
    String(answer.status),
    'content',
    answer.mediaType,
    'schema',
  )
  const reference = `${found.document}#/${encodeURI(key)}`
  let validate = validators.get(reference)
  if (!validate) {
    validate = ajv.compile({ $ref: reference })
    validators.set(reference, validate)
  }
  return validate(answer.body) ? null : `${where}: ${ajv.errorsText(validate.errors)}`
}
