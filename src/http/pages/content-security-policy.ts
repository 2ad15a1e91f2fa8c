// The Content-Security-Policy of single-page applications: /console and /playground.

/**
 * Builds the policy: files of this origin only, nothing inline, and no string becomes HTML or script (Trusted Types).
 * @param pictures additional sources of images, such as `data:`
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
