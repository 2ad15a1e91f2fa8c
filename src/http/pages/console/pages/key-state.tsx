// The state of an API key or operator key, and the button that revokes it.
import { change } from '../api.ts'
import { ask } from '../parts/form.tsx'
import { Badge } from '../parts/text.tsx'
import { toast } from '../parts/toasts.tsx'
import { t } from '../texts.ts'

interface Key {
  readonly name: string
  readonly expires_at: string | null
  readonly revoked_at: string | null
}

export function KeyState({ apiKey: { expires_at, revoked_at } }: { apiKey: Key }) {
  if (revoked_at) return <Badge tone="wrong">{t('Revoked')}</Badge>
  if (expires_at && new Date(expires_at).getTime() < Date.now()) return <Badge>{t('Expired')}</Badge>
  return <Badge tone="good">{t('Active')}</Badge>
}

interface RevokeKeyProps {
  /** The title of the dialog. */
  title: string
  apiKey: Key
  /** The path of the key in the admin API. */
  path: string
  changed: () => void
}

/** A button that asks for confirmation and revokes the key. A revoked key has none. */
export function RevokeKey({ title, apiKey: { name, revoked_at }, path, changed }: RevokeKeyProps) {
  if (revoked_at) return null
  const open = () =>
    ask({
      title,
      submit: t('Revoke'),
      isDanger: true,
      lead: t('Programs that use “{name}” are refused at once. This cannot be undone.', { name }),
      onSubmit: async () => {
        await change('POST', `${path}/revoke`)
        changed()
        toast(t('The key is revoked.'))
      },
    })
  return (
    <button type="button" class="small danger" onClick={open}>
      {t('Revoke')}
    </button>
  )
}
