// Sections 2.4 and 2.5: hashes, and identifiers as text.

import { sha256 } from "@noble/hashes/sha2.js";
import { concat, equalBytes, utf8 } from "./bytes.mjs";
import { demand } from "./faults.mjs";

const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
export const PREFIXES = ["org", "writer", "rec", "log", "event", "key"];
const CHECKSUM_BYTES = 3;
const ID_TEXT = new RegExp(`^(${PREFIXES.join("|")})-([${ALPHABET}]{56})$`);

/** @param {string} context @returns {Uint8Array} */
export function tag(context) {
  if (!/^[a-z0-9-]{1,32}$/.test(context)) throw new TypeError(`no context: ${context}`);
  return utf8(`hutong/1/${context}\0`);
}

/** H(context, data) of 2.4.3. @param {string} context @param {...Uint8Array} data joined */
export const H = (context, ...data) => sha256(concat([tag(context), ...data]));

/** @param {Uint8Array} bytes a multiple of 5 bytes, so that no bit is left over */
function base32(bytes) {
  let text = "";
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff; // at most 4 older bits are still needed
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET[(held >> bits) & 31];
    }
  }
  return text;
}

/** @param {string} text of the alphabet */
function unbase32(text) {
  const bytes = [];
  let bits = 0;
  let held = 0;
  for (const character of text) {
    held = ((held << 5) | ALPHABET.indexOf(character)) & 0xfff; // at most 7 older bits are still needed
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((held >> bits) & 0xff);
    }
  }
  return Uint8Array.from(bytes);
}

/** @param {string} prefix @param {Uint8Array} id */
const checksum = (prefix, id) => H("text-id", utf8(`${prefix}-`), id).subarray(0, CHECKSUM_BYTES);

/** @param {string} prefix @param {Uint8Array} id 32 bytes */
export function formatId(prefix, id) {
  if (!PREFIXES.includes(prefix)) throw new TypeError(`no prefix of 2.5.1: ${prefix}`);
  if (id.length !== 32) throw new TypeError("an identifier has 32 bytes");
  return `${prefix}-${base32(concat([id, checksum(prefix, id)]))}`;
}

/** @param {string} text @param {string} [asked] the prefix that is asked for @returns {{prefix: string, id: Uint8Array}} */
export function parseId(text, asked) {
  const match = ID_TEXT.exec(text);
  demand(match !== null, "bad-text-id");
  const [, prefix, body] = match;
  const bytes = unbase32(body);
  const id = bytes.subarray(0, 32);
  demand(equalBytes(bytes.subarray(32), checksum(prefix, id)), "bad-text-id", "checksum");
  demand(asked === undefined || asked === prefix, "bad-text-id", "another kind");
  return { prefix, id };
}
