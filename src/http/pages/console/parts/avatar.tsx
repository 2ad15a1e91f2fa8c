// The picture of a user, or the first letter of the name.
import { base } from '../api.ts'
import { showPerson } from '../format.ts'
import type { User } from '../types.ts'

/** The path of a picture that this service has stored. The Content-Security-Policy forbids pictures of other origins. */
function ownPicture(url: string | null): string | null {
  if (url === null || !URL.canParse(url)) return null
  const { pathname } = new URL(url)
  return pathname.startsWith(base) ? pathname : null
}

export function Avatar({ user }: { user: User }) {
  const picture = ownPicture(user.avatar_url)
  if (picture) return <img class="avatar" src={picture} alt="" width="32" height="32" loading="lazy" />
  const [letter = ''] = showPerson(user) || user.email
  return (
    <span class="avatar" aria-hidden="true">
      {letter.toUpperCase()}
    </span>
  )
}
