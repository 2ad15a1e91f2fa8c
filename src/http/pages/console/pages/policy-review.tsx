// Reviews and saves the draft of a policy, and resolves conflicts with the changes of another operator.
import { ApiError, adminRequest, withFieldErrors } from '../api.ts'
import type { Loaded } from '../loading.ts'
import { Dialog, openDialog } from '../parts/dialog.tsx'
import { Form } from '../parts/form.tsx'
import { toast, toastError } from '../parts/toasts.tsx'
import { t } from '../texts.ts'
import type { Policy, PolicyChange, PolicyResult, PolicyState, Project } from '../types.ts'
import { changesOf, type Schema, storedAfter, withValue } from './policy-draft.ts'

/** A policy with its ETag. */
export interface Read extends PolicyState {
  readonly etag: string
}

const pathOf = (project: string) => `projects/${project}/policy`

/** Reads the policy of a project. @throws ApiError */
export async function readPolicy(project: string, signal?: AbortSignal): Promise<Read> {
  const { data, etag } = await adminRequest<PolicyState>('GET', pathOf(project), { signal })
  return { ...data, etag: etag ?? '*' }
}

export interface EditorProps {
  project: Project
  schema: Schema
  policy: Read
  loaded: Loaded<Read>
}

interface Reviewed extends EditorProps {
  draft: Policy
  start: (from: Policy) => void
}

/** Shows what the draft would change, as the service previews it, and saves the draft when the operator confirms. */
export async function review({ project, schema, policy, loaded, draft, start }: Reviewed): Promise<void> {
  const path = pathOf(project.id)
  const body = storedAfter(schema, policy.stored, policy.effective, draft)
  try {
    const { data } = await adminRequest<PolicyResult>('PUT', path, { body, query: { preview: true } })
    openDialog((close) => (
      <Dialog title={t('What changes')} close={close}>
        <Form
          submit={t('Save policy')}
          cancel={close}
          onSubmit={async () => {
            try {
              const saved = await adminRequest<PolicyResult>('PUT', path, {
                body,
                headers: { 'if-match': policy.etag },
              })
              loaded.set({ ...saved.data, etag: saved.etag ?? '*' })
              start(saved.data.effective)
              toast(t('The policy is saved.'))
              close()
            } catch (error) {
              if (!(error instanceof ApiError) || error.code !== 'precondition_failed') throw error
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
    toastError(withFieldErrors(error as Error))
  }
}

/** Another operator has saved the policy meanwhile: shows their changes, and offers to apply the draft to them. */
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
