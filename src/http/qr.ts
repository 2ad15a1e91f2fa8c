// QR codes as SVG pictures.
import { toString as draw } from 'qrcode'

/** Draws a text as a QR code. @returns an SVG document */
export const qrSvg = (text: string): Promise<string> =>
  draw(text, { type: 'svg', errorCorrectionLevel: 'M', margin: 2 })
