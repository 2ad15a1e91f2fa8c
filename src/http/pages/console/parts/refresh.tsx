// Asks again for what a view shows.
import { t } from '../texts.ts'
import { Icon } from './icons.tsx'

export function Refresh({ of }: { of: { readonly reload: () => void } }) {
  return (
    <button type="button" onClick={of.reload}>
      <Icon name="refresh" /> {t('Refresh')}
    </button>
  )
}
