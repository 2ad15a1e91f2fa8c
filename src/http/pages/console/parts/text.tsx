// Small pieces of text: instants, ids, badges, secrets.
import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { showAgo, showInstant } from '../format.ts'
import { linkTo } from '../route.ts'
import { t } from '../texts.ts'
import { CopyButton } from './buttons.tsx'
import { Dialog, openDialog } from './dialog.tsx'

/** A relative time with the instant as its title; a dash for null. */
export function When({ at }: { at: string | null }) {
  if (at === null) return <span class="quiet">–</span>
  return (
    <time dateTime={at} title={showInstant(at)}>
      {showAgo(at)}
    </time>
  )
}

/** Text from users or programs: truncated to one line, complete in its title, with a text direction of its own. */
export function Truncated({ text, isCode = false }: { text: string; isCode?: boolean }) {
  return (
    <bdi class={isCode ? 'truncated code' : 'truncated'} title={text}>
      {text}
    </bdi>
  )
}

/** The name of a row, which links to its view. */
export function NameLink({ path, text }: { path: readonly string[]; text: string }) {
  return (
    <a class="name" href={linkTo(path)}>
      <Truncated text={text} />
    </a>
  )
}

/** The second line of a cell; nothing for an empty text. */
export function SecondLine({ text, isCode = false }: { text: string; isCode?: boolean }) {
  if (text === '') return null
  return (
    <span class="below">
      <Truncated text={text} isCode={isCode} />
    </span>
  )
}

type Tone = 'good' | 'wrong' | 'warn' | 'plain'

export function Badge({ tone = 'plain', children }: { tone?: Tone; children: ComponentChildren }) {
  return <span class={`badge ${tone}`}>{children}</span>
}

/** An id with a button that copies it. */
export function Id({ text }: { text: string }) {
  return (
    <span class="id">
      <Truncated text={text} isCode />
      <CopyButton text={text} />
    </span>
  )
}

interface SecretProps {
  title: string
  lead: string
  secret: string
  close: () => void
}

function SecretDialog({ title, lead, secret, close }: SecretProps) {
  const [isKept, setKept] = useState(false)
  return (
    <Dialog title={title} close={close} canDismiss={false}>
      <p class="lead">{lead}</p>
      <p class="secret">
        <code>{secret}</code>
        <CopyButton text={secret} />
      </p>
      <label class="tick">
        <input type="checkbox" checked={isKept} onChange={(event) => setKept(event.currentTarget.checked)} />
        <span>{t('I have stored it. It is not shown again.')}</span>
      </label>
      <div class="actions">
        <button type="button" class="primary" disabled={!isKept} onClick={close}>
          {t('Done')}
        </button>
      </div>
    </Dialog>
  )
}

/** Shows a secret in a dialog that closes only after the operator has confirmed to have stored it. */
export const showSecret = (title: string, lead: string, secret: string, onClose?: () => void): void =>
  openDialog((close) => <SecretDialog title={title} lead={lead} secret={secret} close={close} />, onClose)
