// The application: a public page and one for signed-in users.
import { createSallyport, optionsFrom } from '@sallyport/server'
import { requireSession, sallyport, sessionOf } from '@sallyport/server/express'
import express from 'express'
import { page } from './page.js'

const auth = createSallyport(optionsFrom(process.env))

const app = express()
app.use(sallyport(auth))

app.get('/', (request, response) => {
  const link = sessionOf(request)
    ? '<a href="/account">Your account</a>'
    : '<a href="/auth/sign-in?returnTo=/account">Sign in</a>'
  response.send(page('Welcome', link))
})

app.get('/account', requireSession(auth), async (request, response) => {
  const { user } = await auth.clientFor(request, sessionOf(request)).me()
  response.send(page('Your account', ['Signed in as ', user.email], 'Sign out', '/auth/sign-out'))
})

const { APP_URL, PORT } = process.env
app.listen(Number(PORT), () => console.log(`The application is ready at ${APP_URL}`))
