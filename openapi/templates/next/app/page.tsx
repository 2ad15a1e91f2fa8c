import { auth } from '../auth'

export default async function Home() {
  const session = await auth()
  return (
    <main>
      <h1>Welcome</h1>
      {session ? <a href="/account">Your account</a> : <a href="/auth/sign-in?returnTo=/account">Sign in</a>}
    </main>
  )
}
