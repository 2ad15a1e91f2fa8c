// A page that signs in with cookies at a Sallyport service on another origin of the same site. The tokens never come
// near this script; the project's policy lists this page's origin in `origins`.
import { createClient } from '/sdk/client.js'

const parameters = new URLSearchParams(location.search)
const auth = createClient({
  baseUrl: parameters.get('service'),
  projectId: parameters.get('project'),
  projectUserAuth: { transport: 'cookie' },
})
const status = document.querySelector('[role=status]')
const show = (session) => {
  status.textContent = session ? `Signed in as ${session.user.email}` : 'Signed out'
}

auth.onAuthStateChange((_event, session) => show(session))
document.querySelector('form').addEventListener('submit', async (event) => {
  event.preventDefault()
  try {
    await auth.signInWithPassword(Object.fromEntries(new FormData(event.target)))
  } catch (error) {
    status.textContent = error.message
  }
})
document.querySelector('#leave').addEventListener('click', () => auth.signOut())
show(await auth.getSession())
