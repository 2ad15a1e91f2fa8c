// The menu of the signed-in user: a menu button as the ARIA Authoring Practices describe it.
import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react'
import { useAction } from './action.js'
import { Avatar, Frame, Said } from './parts.js'
import { useSallyport, useUser } from './provider.js'

const entriesOf = (menu: HTMLElement | null): HTMLElement[] => [
  ...(menu?.querySelectorAll<HTMLElement>('[role=menuitem]') ?? []),
]

export interface MenuItem {
  label: string
  /** Where it leads, or what it does. */
  to: string | (() => void)
}

export interface UserButtonProps {
  /** Draws an item that leads to the account page: its address, or what is called. */
  account?: string | (() => void)
  /** Items of yours, between the account and the sign-out. */
  items?: readonly MenuItem[]
}

/** Shows who is signed in, and opens a menu with the account and the sign-out; nothing where nobody is signed in. */
export function UserButton({ account, items = [] }: UserButtonProps) {
  const { client, texts } = useSallyport()
  const user = useUser()
  const action = useAction(texts)
  const [isOpen, open] = useState(false)
  const id = useId()
  const root = useRef<HTMLDivElement>(null)
  const button = useRef<HTMLButtonElement>(null)
  /** Which item gets the focus once the menu is drawn: 0 the first, -1 the last. */
  const first = useRef(0)

  useEffect(() => {
    if (!isOpen) return
    const all = entriesOf(root.current)
    all[(first.current + all.length) % all.length]?.focus()
    const outside = (event: Event) => {
      if (!root.current?.contains(event.target as Node)) open(false)
    }
    document.addEventListener('pointerdown', outside)
    return () => document.removeEventListener('pointerdown', outside)
  }, [isOpen])

  if (!user) return null
  const name = user.display_name ?? user.email

  function show(from: number): void {
    first.current = from
    action.fail(null)
    open(true)
  }

  function close(): void {
    open(false)
    button.current?.focus()
  }

  function move(event: KeyboardEvent): void {
    const all = entriesOf(root.current)
    const at = all.indexOf(document.activeElement as HTMLElement)
    const letter = event.key.length === 1 ? event.key.toLowerCase() : ''
    const next = {
      ArrowDown: (at + 1) % all.length,
      ArrowUp: (at - 1 + all.length) % all.length,
      Home: 0,
      End: all.length - 1,
    }[event.key]
    // The focus moves on, and the menu closes behind it.
    if (event.key === 'Tab') {
      open(false)
      return
    }
    if (event.key === 'Escape') close()
    else if (next !== undefined) all[next]?.focus()
    else if (letter.trim())
      [...all.slice(at + 1), ...all]
        .find((each) => each.textContent?.toLowerCase().startsWith(letter))
        ?.focus()
    else return
    event.preventDefault()
  }

  const all: readonly MenuItem[] = [...(account ? [{ label: texts.account, to: account }] : []), ...items]
  return (
    <Frame className="sp-user">
      {/* biome-ignore lint/a11y/noStaticElementInteractions: it only finds out whether the focus is still inside */}
      <div
        ref={root}
        onBlur={({ relatedTarget }) => relatedTarget && !root.current?.contains(relatedTarget) && open(false)}
      >
        <button
          ref={button}
          type="button"
          className="sp-user-button"
          aria-haspopup="menu"
          aria-expanded={isOpen}
          aria-controls={isOpen ? id : undefined}
          aria-label={`${texts.menu}: ${name}`}
          onClick={() => (isOpen ? close() : show(0))}
          onKeyDown={(event) => {
            if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return
            event.preventDefault()
            show(event.key === 'ArrowUp' ? -1 : 0)
          }}
        >
          <Avatar name={name} url={user.avatar_url} />
        </button>
        {isOpen && (
          <div className="sp-popover">
            <p className="sp-who">
              <strong>
                <bdi>{name}</bdi>
              </strong>
              {name !== user.email && <bdi className="sp-hint">{user.email}</bdi>}
            </p>
            <div id={id} role="menu" aria-label={texts.menu} onKeyDown={move}>
              {all.map(({ label, to }) =>
                typeof to === 'string' ? (
                  <a key={label} role="menuitem" tabIndex={-1} href={to}>
                    {label}
                  </a>
                ) : (
                  <button
                    key={label}
                    type="button"
                    role="menuitem"
                    tabIndex={-1}
                    onClick={() => {
                      close()
                      to()
                    }}
                  >
                    {label}
                  </button>
                ),
              )}
              <button
                type="button"
                role="menuitem"
                tabIndex={-1}
                aria-busy={action.busy !== null || undefined}
                onClick={() =>
                  void action.run('out', () => client.signOut()).then((done) => done && open(false))
                }
              >
                {texts.signOut}
              </button>
            </div>
            <Said error={action.error?.message} notice={action.notice} />
          </div>
        )}
      </div>
    </Frame>
  )
}
