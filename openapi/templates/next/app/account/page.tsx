import { headers } from 'next/headers'
import { redirect } from 'next/navigation'
import { auth, sallyport } from '../../auth'

export default async function Account() {
  const session = await auth()
  if (!session) redirect('/auth/sign-in?returnTo=/account')
  const { user } = await sallyport.clientFor({ headers: await headers() }, session).me()
  return (
    <main>
      <h1>Your account</h1>
      <p>Signed in as {user.email}</p>
      <form method="post" action="/auth/sign-out">
        <button type="submit">Sign out</button>
      </form>
    </main>
  )
}
