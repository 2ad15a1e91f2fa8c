import { SignedIn, SignedOut, SignIn, SignUp, UserButton, useUser } from '@sallyport/react'
import { useState } from 'react'

export function App() {
  const [isNew, setNew] = useState(false)
  const user = useUser()
  return (
    <main>
      <SignedOut>
        {isNew ? <SignUp signIn={() => setNew(false)} /> : <SignIn signUp={() => setNew(true)} />}
      </SignedOut>
      <SignedIn>
        <UserButton />
        <h1>Welcome</h1>
        <p>Signed in as {user?.email}</p>
      </SignedIn>
    </main>
  )
}
