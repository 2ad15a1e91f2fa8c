// The look of every page.
const escaped = (text) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)

/**
 * A page.
 *
 * @param content HTML, or an array of texts
 * @param button the label of a button below it, which posts to `action`
 */
export function page(title, content, button, action) {
  const main = Array.isArray(content) ? content.map(escaped).join('') : content
  const form = button
    ? `<form method="post" action="${action}"><button>${escaped(button)}</button></form>`
    : ''
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<link rel="icon" href="data:,">
<style>
  :root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
  body { display: grid; place-content: center; gap: 1rem; min-height: 100vh; margin: 0; text-align: center }
  button, a { font: inherit }
</style>
<h1>${escaped(title)}</h1>
<p>${main}</p>
${form}
</html>`
}
