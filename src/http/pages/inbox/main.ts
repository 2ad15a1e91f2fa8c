// Polls the list of /inbox, searches while the address is typed, and copies codes and links. The page works without it.

const pollMs = 2000

const form = document.querySelector<HTMLFormElement>('form[role=search]')
const search = form?.querySelector('input')
const news = document.querySelector('#news')

/** The last fetched HTML of the list; null before the first answer. */
let known: string | null = null
let asked = 0

const firstOf = (list: Element | null) => list?.querySelector('a')?.getAttribute('href') ?? null

async function refresh(): Promise<void> {
  if (!form || !search) return
  const query = new URLSearchParams({ to: search.value })
  const mail = new URLSearchParams(location.search).get('mail')
  if (mail) query.set('mail', mail)
  const turn = ++asked
  const answer = await fetch(`${form.action}/list?${query}`).catch(() => null)
  const text = answer?.ok ? await answer.text() : null
  // The request failed, a later one was sent meanwhile, or nothing has changed.
  if (text === null || turn !== asked || text === known) return
  const list = document.querySelector('#list')
  const next = new DOMParser().parseFromString(text, 'text/html').querySelector('#list')
  if (!list || !next) return
  const isNew = known !== null && firstOf(list) !== firstOf(next)
  known = text
  if (list.isEqualNode(next)) return
  const focused = list.contains(document.activeElement) ? document.activeElement?.getAttribute('href') : null
  list.replaceWith(next)
  if (focused) next.querySelector<HTMLElement>(`a[href="${CSS.escape(focused)}"]`)?.focus()
  if (news && isNew) news.textContent = `${next.querySelectorAll('li').length} mails are shown.`
}

search?.addEventListener('input', () => {
  const address = new URL(location.href)
  if (search.value) address.searchParams.set('to', search.value)
  else address.searchParams.delete('to')
  history.replaceState(null, '', address)
  void refresh()
})

document.addEventListener('click', async ({ target }) => {
  const button = target instanceof Element ? target.closest<HTMLElement>('[data-copy]') : null
  if (!button) return
  const label = button.firstChild
  const isCopied = await navigator.clipboard.writeText(button.dataset.copy ?? '').then(
    () => true,
    () => false,
  )
  if (label) label.textContent = isCopied ? 'Copied' : 'Not allowed'
  setTimeout(() => {
    if (label) label.textContent = 'Copy'
  }, 2000)
})

if (form)
  setInterval(() => {
    if (!document.hidden) void refresh()
  }, pollMs)
