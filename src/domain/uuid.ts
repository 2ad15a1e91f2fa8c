// The one shape of an id, wherever one comes in (RFC 9562 §4).
const shape = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Whether a text is a UUID, and so can be asked of the database without an error. */
export const isUuid = (text: string): boolean => shape.test(text)
