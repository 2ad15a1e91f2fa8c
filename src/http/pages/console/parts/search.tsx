// The search field of a list.
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { t } from '../texts.ts'
import { Icon } from './icons.tsx'

/** The search begins after a pause of this length. */
const pauseMs = 250

interface SearchProps {
  label: string
  placeholder: string
  value: string
  search: (text: string) => void
}

/** A field that searches while one types. The key `/` focuses it. */
export function Search({ label, placeholder, value, search }: SearchProps) {
  const id = useId()
  const [text, setText] = useState(value)
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  useEffect(() => () => clearTimeout(timer.current), [])
  useEffect(() => {
    // The search was cleared by a button of the view. Text that is being typed stays.
    if (value === '' && timer.current === undefined) setText('')
  }, [value])
  function type(typed: string): void {
    setText(typed)
    clearTimeout(timer.current)
    timer.current = setTimeout(() => {
      timer.current = undefined
      search(typed.trim())
    }, pauseMs)
  }
  return (
    <search class="grow">
      <form
        class="field"
        onSubmit={(event) => {
          event.preventDefault()
          clearTimeout(timer.current)
          timer.current = undefined
          search(text.trim())
        }}
      >
        <label for={id}>{label}</label>
        <div class="searching">
          <Icon name="search" />
          <input
            id={id}
            type="search"
            value={text}
            placeholder={placeholder}
            aria-keyshortcuts="/"
            title={t('Press / to search')}
            autocomplete="off"
            spellcheck={false}
            onInput={(event) => type(event.currentTarget.value)}
          />
        </div>
      </form>
    </search>
  )
}
