// Copies the style sheet of /inbox to dist/.
import { cp } from 'node:fs/promises'

await cp(new URL('style.css', import.meta.url), new URL('../../../../dist/inbox/style.css', import.meta.url))
