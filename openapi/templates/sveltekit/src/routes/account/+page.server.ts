import { redirect } from '@sveltejs/kit'
import { auth } from '$lib/server/auth'

export const load = async ({ locals: { session }, request }) => {
  if (!session) redirect(303, '/auth/sign-in?returnTo=/account')
  const { user } = await auth.clientFor(request, session).me()
  return { email: user.email }
}
