import { sallyport } from '@sallyport/server/sveltekit'
import { auth } from '$lib/server/auth'

export const handle = sallyport(auth)
