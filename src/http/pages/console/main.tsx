// Starts the console.
import { render } from 'preact'
import { App } from './app.tsx'
import { applyLanguage } from './texts.ts'

applyLanguage(document.documentElement)
const root = document.getElementById('console')
if (root) {
  root.replaceChildren()
  render(<App />, root)
}
