// Checks an answer against the published document: path, method, status, media type, body.
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import ajvFormats from 'ajv-formats'
import { problemMediaType } from '../../schemas/errors.ts'
import { generateDocuments } from '../../src/http/generate.ts'

interface MediaType {
  schema?: unknown
  /** A problem's are named by the codes that the status can have. */
  examples?: Record<string, unknown>
}
interface Operation {
  responses: Record<string, { content?: Record<string, MediaType> }>
}
interface Document {
  paths: Record<string, Record<string, Operation>>
}

const documents = await generateDocuments()
const document = JSON.parse(documents['auth.json'] ?? '') as Document
const ajv = new Ajv2020({ strict: false, allErrors: true })
ajvFormats.default(ajv)
ajv.addSchema(document, 'auth.json')
const validators = new Map<string, ValidateFunction>()

const templates = Object.keys(document.paths).map((template) => ({
  template,
  shape: new RegExp(`^${template.replace(/[.]/g, '\\.').replace(/\{[^}]+\}/g, '[^/]+')}$`),
}))

const pointer = (...parts: string[]) =>
  parts.map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1')).join('/')

/** One problem that the answer has with the document, or null. Paths outside the document are not its business. */
export function contractViolation(
  method: string,
  path: string,
  answer: { status: number; mediaType: string; body: unknown },
): string | null {
  const found = templates.find(({ shape }) => shape.test(path))
  const verb = method.toLowerCase()
  const operation = found && document.paths[found.template]?.[verb]
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
  let validate = validators.get(key)
  if (!validate) {
    validate = ajv.compile({ $ref: `auth.json#/${encodeURI(key)}` })
    validators.set(key, validate)
  }
  return validate(answer.body) ? null : `${where}: ${ajv.errorsText(validate.errors)}`
}
