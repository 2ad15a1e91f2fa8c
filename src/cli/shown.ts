// Text for people at a terminal, where names and other text of users may hold anything.

/** Control characters, line breaks, and characters that change the direction of what follows. */
const unsafe = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

/**
 * @param text of one line, with text of users in it
 * @returns the same on one line, in which each character that a terminal would obey is written as `\u001b`
 */
export const shown = (text: string): string =>
  text.replace(unsafe, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
