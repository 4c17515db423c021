// Byte strings: the few helpers that every module needs.

/** @typedef {Uint8Array} Bytes */

/** Order of byte strings: as unsigned numbers, a proper prefix first (2.1.5).
 * @param {Bytes} a @param {Bytes} b @returns {number} below, equal to or above 0 */
export function compareBytes(a, b) {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}

/** @param {Bytes} a @param {Bytes} b */
export const equalBytes = (a, b) => compareBytes(a, b) === 0;

/** Is every element less than the one after it, so that no two are equal?
 * @param {Bytes[]} list */
export const strictlyAscending = (list) => list.every((item, i) => i === 0 || compareBytes(list[i - 1], item) < 0);

/** Takes an array: a call with a hundred thousand arguments overflows the stack.
 * @param {Bytes[]} pieces @returns {Bytes} */
export function concat(pieces) {
  const joined = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}

/** @param {string} text @returns {Bytes} */
export const utf8 = (text) => new TextEncoder().encode(text);

/** @param {Bytes} bytes @returns {string} lower case */
export const toHex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** @param {string} hex lower case, an even number of digits @returns {Bytes} */
export function fromHex(hex) {
  if (hex.length % 2 !== 0 || !/^[0-9a-f]*$/.test(hex)) throw new TypeError("not a lower-case hexadecimal text");
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}
