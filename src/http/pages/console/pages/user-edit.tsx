// The form of a user: names, language, role and metadata. It is saved with If-Match, so that no other change is lost.
import { ApiError, adminRequest } from '../api.ts'
import { isObject, isSame } from '../json.ts'
import { ask, Field, type FormValues, Select, TextArea } from '../parts/form.tsx'
import { toast, toastError } from '../parts/toasts.tsx'
import { t } from '../texts.ts'
import type { User } from '../types.ts'

type Metadata = Readonly<Record<string, unknown>>

/** The merge patch (RFC 7396) that turns `before` into `after`. */
function mergePatchOf(before: Metadata, after: Metadata): Metadata {
  const gone = Object.keys(before).filter((name) => !Object.hasOwn(after, name))
  const changed = Object.entries(after).filter(
    ([name, value]) => !Object.hasOwn(before, name) || !isSame(before[name], value),
  )
  // Object.fromEntries, because an assignment to `__proto__` would set the prototype.
  return Object.fromEntries([
    ...gone.map((name) => [name, null] as const),
    ...changed.map(([name, value]) => {
      const old = Object.hasOwn(before, name) ? before[name] : undefined
      return [name, isObject(value) && isObject(old) ? mergePatchOf(old, value) : value] as const
    }),
  ])
}

function readMetadata(text: string): Metadata {
  let read: unknown
  try {
    read = text.trim() === '' ? {} : JSON.parse(text)
  } catch {
    read = null
  }
  if (!isObject(read))
    throw new Error(
      t('The metadata must be an object of JSON, such as {example}.', { example: '{"plan": "pro"}' }),
    )
  return read
}

const names = ['display_name', 'first_name', 'last_name', 'locale'] as const

/** The body of the PATCH: the fields that were changed in the form. */
function changeOf(user: User, typed: FormValues): Record<string, unknown> {
  const texts = names.map((name) => [name, typed[name]?.trim() || null] as const)
  const metadata = mergePatchOf(user.metadata, readMetadata(typed.metadata ?? ''))
  return {
    ...Object.fromEntries(texts.filter(([name, text]) => text !== user[name])),
    ...(typed.role === undefined || typed.role === user.role ? {} : { role: typed.role }),
    ...(Object.keys(metadata).length === 0 ? {} : { metadata }),
  }
}

function Fields({ user }: { user: User }) {
  return (
    <>
      <Field
        label={t('Display name')}
        name="display_name"
        value={user.display_name ?? ''}
        maxlength={255}
        autofocus
      />
      <Field label={t('First name')} name="first_name" value={user.first_name ?? ''} maxlength={255} />
      <Field label={t('Last name')} name="last_name" value={user.last_name ?? ''} maxlength={255} />
      <Field
        label={t('Language')}
        name="locale"
        value={user.locale ?? ''}
        maxlength={35}
        placeholder="de"
        hint={t('Of mails and pages; empty: the one of the browser, or English.')}
      />
      <Select
        label={t('Role')}
        name="role"
        value={user.role}
        options={[
          ['user', t('User')],
          ['admin', t('Admin')],
        ]}
      />
      <TextArea label={t('Metadata')} name="metadata" value={JSON.stringify(user.metadata, null, 2)} />
    </>
  )
}

/** Loads the user and opens the form. @param changed called with the saved user */
async function askToEdit(path: string, changed: (user: User) => void): Promise<void> {
  const { data: user, etag } = await adminRequest<User>('GET', path)
  ask({
    title: t('Edit user'),
    submit: t('Save'),
    fields: <Fields user={user} />,
    onSubmit: async (typed) => {
      const body = changeOf(user, typed)
      if (Object.keys(body).length === 0) return
      try {
        changed((await adminRequest<User>('PATCH', path, { body, headers: { 'if-match': etag ?? '' } })).data)
      } catch (error) {
        if (!(error instanceof ApiError) || error.code !== 'precondition_failed') throw error
        throw new Error(t('The user was changed meanwhile. Close this form and open it again.'))
      }
      toast(t('The user is saved.'))
    },
  })
}

export function EditButton({ path, changed }: { path: string; changed: (user: User) => void }) {
  return (
    <button type="button" class="small" onClick={() => void askToEdit(path, changed).catch(toastError)}>
      {t('Edit')}
    </button>
  )
}
