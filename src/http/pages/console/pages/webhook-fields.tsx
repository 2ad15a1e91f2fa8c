// The form fields of a webhook.
import { Field } from '../parts/form.tsx'
import { t } from '../texts.ts'
import type { Webhook } from '../types.ts'

/** Splits event types that are separated by commas or spaces. */
export const typesOf = (typed: string): string[] => typed.split(/[\s,]+/).filter((type) => type !== '')

export function WebhookFields({ webhook }: { webhook?: Webhook }) {
  return (
    <>
      <Field
        label={t('Address')}
        name="url"
        type="url"
        value={webhook?.url ?? ''}
        placeholder="https://app.example.com/hooks/sallyport"
        maxlength={2048}
        required
        autofocus
      />
      <Field
        label={t('Description')}
        name="description"
        value={webhook?.description ?? ''}
        placeholder={t('Copies users into the CRM')}
        maxlength={255}
      />
      <Field
        label={t('Types of events')}
        name="types"
        value={webhook?.types.join(', ') ?? ''}
        placeholder="user.created, user.deleted"
        hint={t('Separated by commas. Empty: all.')}
      />
    </>
  )
}
