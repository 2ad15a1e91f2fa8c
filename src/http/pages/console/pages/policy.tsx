// The policy of a project: a form made from its schema, with a preview of what changes before anything is saved.
import { useState } from 'preact/hooks'
import { admin, Refused } from '../api.ts'
import { showName } from '../format.ts'
import { type Loaded, useLoaded, useRead } from '../loading.ts'
import { can } from '../may.ts'
import { Dialog, openDialog } from '../parts/dialog.tsx'
import { Form } from '../parts/form.tsx'
import { LoadedView } from '../parts/states.tsx'
import { complain, say } from '../parts/toasts.tsx'
import { Card, View } from '../parts/view.tsx'
import { t } from '../texts.ts'
import type { Policy, PolicyChange, PolicyResult, PolicyState, Project } from '../types.ts'
import { changesOf, fieldsOf, type Schema, storedAfter, withValue } from './policy-draft.ts'
import { PolicyField } from './policy-fields.tsx'
import { sectionWords } from './policy-words.ts'

interface Read extends PolicyState {
  readonly etag: string
}

const pathOf = (project: string) => `projects/${project}/policy`

async function readPolicy(project: string, signal?: AbortSignal): Promise<Read> {
  const { data, etag } = await admin<PolicyState>('GET', pathOf(project), signal ? { signal } : {})
  return { ...data, etag: etag ?? '*' }
}

export function PolicyPage({ project }: { project: Project }) {
  const schema = useRead<Schema>('policy-schema')
  const policy = useLoaded<Read>(project.id, (signal) => readPolicy(project.id, signal))
  return (
    <View
      title={t('Policy')}
      lead={t('What is set here overrides the defaults. Running instances follow within two seconds.')}
    >
      <LoadedView of={schema} lines={8}>
        {(shape) => (
          <LoadedView of={policy} lines={8}>
            {(now) => <Editor project={project} schema={shape} policy={now} loaded={policy} />}
          </LoadedView>
        )}
      </LoadedView>
    </View>
  )
}

interface EditorProps {
  project: Project
  schema: Schema
  policy: Read
  loaded: Loaded<Read>
}

/** The fields of each section; what stands beside the sections is one of its own. */
function sectionsOf(schema: Schema) {
  const sections = new Map<string, ReturnType<typeof fieldsOf>>([['general', []]])
  for (const field of fieldsOf(schema)) {
    const name = field[0].length > 1 ? (field[0][0] ?? '') : 'general'
    sections.set(name, [...(sections.get(name) ?? []), field])
  }
  // Lists and JSON need the whole width: they come after what is short.
  const isLong = ([, { type }]: readonly [unknown, Schema]) => type === 'array' || type === 'object'
  return [...sections].map(
    ([name, fields]) => [name, [...fields].sort((a, b) => Number(isLong(a)) - Number(isLong(b)))] as const,
  )
}

function jumpTo(section: string): void {
  const element = document.getElementById(`section-${section}`)
  element?.scrollIntoView({ block: 'start' })
  element?.querySelector<HTMLElement>('input, select, textarea')?.focus({ preventScroll: true })
}

function Jumps({ sections }: { sections: readonly string[] }) {
  return (
    <nav class="jumps" aria-label={t('Sections')}>
      {sections.map((section) => (
        <button key={section} type="button" class="small" onClick={() => jumpTo(section)}>
          {t(showName(section))}
        </button>
      ))}
    </nav>
  )
}

function Editor({ project, schema, policy, loaded }: EditorProps) {
  const [draft, setDraft] = useState<Policy>(policy.effective)
  // Inputs that hold text of their own begin anew.
  const [turn, setTurn] = useState(0)
  const changes = changesOf(schema, policy.effective, draft)
  const mayWrite = can('policy.write', project.id)
  const start = (from: Policy) => {
    setDraft(from)
    setTurn(turn + 1)
  }
  return (
    <form onSubmit={(event) => event.preventDefault()}>
      <Jumps sections={sectionsOf(schema).map(([section]) => section)} />
      <fieldset key={turn} disabled={!mayWrite}>
        {sectionsOf(schema).map(([section, fields]) => (
          <Card
            key={section}
            id={`section-${section}`}
            title={t(showName(section))}
            lead={t(sectionWords(section))}
          >
            <div class="fields">
              {fields.map(([path, inner]) => (
                <PolicyField
                  key={path.join('.')}
                  path={path}
                  schema={inner}
                  draft={draft}
                  set={(at, value) => setDraft((before) => withValue(before, at, value))}
                />
              ))}
            </div>
          </Card>
        ))}
      </fieldset>
      {changes.length > 0 && (
        <section class="bar" aria-label={t('Unsaved changes')}>
          <span>
            {changes.length === 1 ? t('1 change') : t('{count} changes', { count: changes.length })}
          </span>
          <button type="button" onClick={() => start(policy.effective)}>
            {t('Discard')}
          </button>
          <button
            type="button"
            class="primary"
            onClick={() => void review({ project, schema, policy, loaded, draft, start })}
          >
            {t('Review changes')}
          </button>
        </section>
      )}
    </form>
  )
}

interface Reviewed extends EditorProps {
  draft: Policy
  start: (from: Policy) => void
}

/** Asks the service what would change, and saves it when the operator agrees. */
async function review({ project, schema, policy, loaded, draft, start }: Reviewed): Promise<void> {
  const path = pathOf(project.id)
  const body = storedAfter(schema, policy.stored, policy.effective, draft)
  try {
    const { data } = await admin<PolicyResult>('PUT', path, { body, query: { preview: true } })
    openDialog((close) => (
      <Dialog title={t('What changes')} close={close}>
        <Form
          submit={t('Save policy')}
          cancel={close}
          onSubmit={async () => {
            try {
              const saved = await admin<PolicyResult>('PUT', path, {
                body,
                headers: { 'if-match': policy.etag },
              })
              loaded.set({ ...saved.data, etag: saved.etag ?? '*' })
              start(saved.data.effective)
              say(t('The policy is saved.'))
              close()
            } catch (error) {
              if (!(error instanceof Refused) || error.code !== 'precondition_failed') throw error
              close()
              await showConflict({ project, schema, policy, loaded, draft, start })
            }
          }}
        >
          <Changes of={data.changes} />
        </Form>
      </Dialog>
    ))
  } catch (error) {
    complain(refusalOf(error))
  }
}

/** The sentences of each field that the service refused. */
function refusalOf(error: unknown): unknown {
  if (!(error instanceof Refused) || !error.problem.errors) return error
  return new Error(
    Object.entries(error.problem.errors)
      .map(([field, sentences]) => `${field}: ${sentences.join(' ')}`)
      .join('\n'),
  )
}

/** Somebody saved the policy meanwhile: shows what they changed, and keeps what was typed here. */
async function showConflict({ project, schema, policy, loaded, draft, start }: Reviewed): Promise<void> {
  const now = await readPolicy(project.id)
  const theirs = changesOf(schema, policy.effective, now.effective)
  const mine = changesOf(schema, policy.effective, draft)
  const merged = mine.reduce((next, { key, after }) => withValue(next, key.split('.'), after), now.effective)
  openDialog((close) => (
    <Dialog title={t('The policy was changed meanwhile')} close={close}>
      <p class="lead">
        {t('Another operator saved it after you had opened it. Nothing of yours is saved yet. They changed:')}
      </p>
      <Changes of={theirs} />
      <div class="actions">
        <button
          type="button"
          onClick={() => {
            loaded.set(now)
            start(now.effective)
            close()
          }}
        >
          {t('Discard mine')}
        </button>
        <button
          type="button"
          class="primary"
          onClick={() => {
            loaded.set(now)
            start(merged)
            close()
          }}
        >
          {t('Apply mine to it')}
        </button>
      </div>
    </Dialog>
  ))
}

const show = (value: unknown): string => (value === undefined ? t('not set') : JSON.stringify(value))

function Changes({ of }: { of: readonly PolicyChange[] }) {
  if (of.length === 0) return <p class="lead">{t('Nothing changes in what is in force.')}</p>
  return (
    <ul class="changes">
      {of.map(({ key, before, after, reset }) => (
        <li key={key}>
          <code>{key}</code>
          <del>{show(before)}</del>
          <ins>
            {show(after)} {reset && t('(default)')}
          </ins>
        </li>
      ))}
    </ul>
  )
}
