// The content security policy of pages that are applications: /console and /playground.

/**
 * Own files only, nothing inline; no string ever becomes HTML or script (Trusted Types).
 * @param pictures schemes that pictures may have besides
 */
export const applicationPolicy = (pictures: string): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    `img-src 'self' ${pictures}`,
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ')
