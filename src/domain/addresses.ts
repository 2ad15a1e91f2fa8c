// E-mail addresses that come from elsewhere than the wire, which checks its own: the same rule.

/** RFC 5321 mailbox in ASCII with a dotted domain; white space around it is allowed and trimmed away. */
const mailbox =
  /^\s*(?=[^@]{1,64}@)[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\s*$/i

/** Whether an account can have this address. */
export function isAddress(text: string): boolean {
  return text.trim().length <= 255 && mailbox.test(text)
}
