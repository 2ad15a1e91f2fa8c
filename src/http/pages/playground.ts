// /playground: a guided tour of the service through its components and SDK. Its files come from the build.
import { html } from 'ghtml'
import { AuthError } from '../../domain/errors.ts'
import type { Project } from '../../domain/projects/projects.ts'
import { relyingPartyOf } from '../../domain/projects/relying-party.ts'
import { isUuid } from '../../formats.ts'
import { projectInQuery } from '../plugins/project.ts'
import type { ServerOptions } from '../server-options.ts'
import type { Api } from '../typebox.ts'
import { assetRoute, readAsset } from './assets.ts'
import { applicationPolicy } from './content-security-policy.ts'
import { pageRoute } from './layout.ts'

// `data:` is the QR code of an authenticator.
const policy = applicationPolicy('data: blob:')

/** The facts that the page's script reads, as src/http/pages/playground/facts.ts declares them. */
function factsOf(project: Project, { defaultProjectId, publicUrl, inbox }: ServerOptions): object {
  const { policy } = project
  return {
    project: project.id,
    isDefault: project.id === defaultProjectId,
    name: project.name,
    hasInbox: inbox !== null,
    signUp: policy.sign_up,
    verification: policy.verification.mode,
    emailSignIn: policy.email_sign_in !== 'off',
    passkeyDomain: relyingPartyOf(project, publicUrl).id,
  }
}

const page = (basePath: string, facts: object, hasInbox: boolean) => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<title>Sallyport playground</title>
<link rel="icon" type="image/svg+xml" href="${basePath}/console/assets/icon.svg">
<link rel="stylesheet" href="${basePath}/playground/style.css">
<script type="module" src="${basePath}/playground/main.js"></script>
</head>
<body>
<div id="playground" data-base="${basePath}" data-facts="${JSON.stringify(facts)}"></div>
<noscript><p>The playground needs JavaScript. <a href="${basePath}/docs">The documentation</a> describes every route.!${hasInbox ? html` Captured mails are in the <a href="${basePath}/inbox">inbox</a>.` : ''}</p></noscript>
</body>
</html>
`

/** The project that the query names, else the default one. @throws AuthError project_required, project_unknown */
async function projectOf(query: unknown, { defaultProjectId, services }: ServerOptions): Promise<Project> {
  const id = projectInQuery(query, defaultProjectId)
  if (id === null) throw new AuthError('project_required')
  if (!isUuid(id)) throw new AuthError('project_unknown')
  return services.projects.get(id)
}

/** Registers the page and its files. A file name has one dot and no slash, so it cannot lead to another folder. */
export function playgroundPage(api: Api, options: ServerOptions): void {
  api.get('/playground', pageRoute, async (request, reply) => {
    const facts = factsOf(await projectOf(request.query, options), options)
    return reply
      .header('content-security-policy', policy)
      .type('text/html; charset=utf-8')
      .send(page(api.basePath, facts, options.inbox !== null))
  })
  const headers = { 'content-security-policy': policy }
  const findIn = (folder: string) => (file: string) =>
    /^[a-z-]+\.(?:css|js)$/.test(file) ? readAsset(`${folder}/${file}`) : null
  assetRoute(api, '/playground/:file', findIn('playground'), headers)
  assetRoute(api, '/playground/sdk/:file', findIn('playground/sdk'), headers)
}
