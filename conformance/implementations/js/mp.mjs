// Section 2.1 to 2.3: Hutong-mp.
//
// The decoder reads from left to right and checks every rule as it goes (the first way of 2.3.1). No msgpack library
// is used: in JavaScript 1.0 and 1 are the same number, so a library has lost what must be refused before its caller
// sees a value (2.3.3).
//
// Values in JavaScript: nil is null, an integer is a number, str a string, bin a Uint8Array, an array an Array, a map
// a Map. A plain object would put keys like "7" first and treat "__proto__" specially.

import { compareBytes, concat, utf8 } from "./bytes.mjs";
import { demand, Fault } from "./faults.mjs";

// `any` stands for a value again: an alias of JSDoc cannot name itself.
/** @typedef {null | boolean | number | string | Uint8Array | any[] | Map<string, any>} Value */

export const DEPTH_MAX = 16;
const FRAME_BYTES_MAX = 2_097_152;

// ignoreBOM keeps U+FEFF at the start of a text, which would be dropped otherwise (2.1.4).
const utf8Decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Integers of 2.1.2. -0 is a float in disguise: no integer that was read is ever -0.
 * @param {unknown} value @returns {value is number} */
export const isInteger = (value) => Number.isSafeInteger(value) && !Object.is(value, -0);

/** @param {unknown} value @param {number} [min] @param {number} [max] @returns {value is number} */
export const isIntegerIn = (value, min = 0, max = Number.MAX_SAFE_INTEGER) => isInteger(value) && value >= min && value <= max;

/** @param {unknown} value @param {number} [length] @returns {value is Uint8Array} */
export const isBin = (value, length) => value instanceof Uint8Array && (length === undefined || value.length === length);

/** The depth of 2.1.8. @param {Value} value @returns {number} */
export function depthOf(value) {
  if (!Array.isArray(value) && !(value instanceof Map)) return 0;
  let deepest = 0;
  for (const element of value.values()) deepest = Math.max(deepest, depthOf(element));
  return 1 + deepest;
}

class Reader {
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 0;
  }

  /** Nothing is reserved for a length that the input cannot hold (2.2.4).
   * @param {number} count @returns {number} where these bytes begin */
  take(count) {
    const start = this.at;
    demand(count <= this.bytes.length - start, "not-canonical", "input ends early");
    this.at += count;
    return start;
  }

  /** A number that must not fit into a shorter form. @param {1 | 2 | 4} size @param {number} least */
  unsigned(size, least) {
    const start = this.take(size);
    const number = size === 1 ? this.view.getUint8(start) : size === 2 ? this.view.getUint16(start) : this.view.getUint32(start);
    demand(number >= least, "not-canonical", "over-long form");
    return number;
  }

  /** @param {1 | 2 | 4} size @param {number} above the number must be less than this */
  negative(size, above) {
    const start = this.take(size);
    const number = size === 1 ? this.view.getInt8(start) : size === 2 ? this.view.getInt16(start) : this.view.getInt32(start);
    demand(number < above, "not-canonical", "over-long form");
    return number;
  }

  /** 8 bytes are read as a BigInt, since a number would round before the range is known.
   * @param {bigint} number @param {boolean} needs8 whether no shorter form holds it */
  long(number, needs8) {
    demand(needs8, "not-canonical", "over-long form");
    demand(number >= BigInt(Number.MIN_SAFE_INTEGER) && number <= BigInt(Number.MAX_SAFE_INTEGER), "not-canonical", "integer out of range");
    return Number(number);
  }

  /** @param {number} length */
  bin(length) {
    const start = this.take(length);
    return this.bytes.slice(start, start + length);
  }

  /** @param {Uint8Array} bytes */
  text(bytes) {
    demand(!bytes.includes(0), "not-canonical", "NUL in a str");
    try {
      return utf8Decoder.decode(bytes);
    } catch {
      throw new Fault("not-canonical", "not UTF-8");
    }
  }

  /** The length of a str whose first byte is given, or -1 if it begins no str. @param {number} first */
  strLength(first) {
    if (first >= 0xa0 && first <= 0xbf) return first - 0xa0;
    if (first === 0xd9) return this.unsigned(1, 32);
    if (first === 0xda) return this.unsigned(2, 0x100);
    if (first === 0xdb) return this.unsigned(4, 0x10000);
    return -1;
  }

  /** @param {number} count @param {number} inside how many arrays and maps are around it */
  array(count, inside) {
    demand(count <= this.bytes.length - this.at, "not-canonical", "input ends early");
    /** @type {Value[]} */
    const values = [];
    for (let i = 0; i < count; i++) values.push(this.value(inside + 1));
    return values;
  }

  /** @param {number} count @param {number} inside */
  map(count, inside) {
    demand(2 * count <= this.bytes.length - this.at, "not-canonical", "input ends early");
    /** @type {Map<string, Value>} */
    const entries = new Map();
    let before;
    for (let i = 0; i < count; i++) {
      const length = this.strLength(this.view.getUint8(this.take(1)));
      demand(length >= 0, "not-canonical", "a key that is no str");
      const key = this.bin(length);
      demand(before === undefined || compareBytes(before, key) < 0, "not-canonical", "keys out of order");
      before = key;
      const name = this.text(key);
      entries.set(name, this.value(inside + 1));
    }
    return entries;
  }

  /** @param {number} inside @returns {Value} */
  value(inside) {
    const first = this.view.getUint8(this.take(1));
    if (first <= 0x7f) return first;
    if (first >= 0xe0) return first - 0x100;
    const length = this.strLength(first);
    if (length >= 0) return this.text(this.bin(length));
    // Judged on the first byte alone, so before its length is known to be there: the breach that is met first (2.2.5).
    const nests = first <= 0x9f || (first >= 0xdc && first <= 0xdf);
    demand(!nests || inside < DEPTH_MAX, "too-deep");
    if (first <= 0x8f) return this.map(first - 0x80, inside);
    if (first <= 0x9f) return this.array(first - 0x90, inside);
    switch (first) {
      case 0xc0: return null;
      case 0xc2: return false;
      case 0xc3: return true;
      case 0xc4: return this.bin(this.unsigned(1, 0));
      case 0xc5: return this.bin(this.unsigned(2, 0x100));
      case 0xc6: return this.bin(this.unsigned(4, 0x10000));
      case 0xcc: return this.unsigned(1, 0x80);
      case 0xcd: return this.unsigned(2, 0x100);
      case 0xce: return this.unsigned(4, 0x10000);
      case 0xcf: {
        const number = this.view.getBigUint64(this.take(8));
        return this.long(number, number >= 2n ** 32n);
      }
      case 0xd0: return this.negative(1, -32);
      case 0xd1: return this.negative(2, -0x80);
      case 0xd2: return this.negative(4, -0x8000);
      case 0xd3: {
        const number = this.view.getBigInt64(this.take(8));
        return this.long(number, number < -(2n ** 31n));
      }
      case 0xdc: return this.array(this.unsigned(2, 16), inside);
      case 0xdd: return this.array(this.unsigned(4, 0x10000), inside);
      case 0xde: return this.map(this.unsigned(2, 16), inside);
      case 0xdf: return this.map(this.unsigned(4, 0x10000), inside);
      default: throw new Fault("not-canonical", `byte ${first.toString(16)}`);
    }
  }
}

/** @param {Uint8Array} bytes @param {number} [max] the limit in bytes @returns {Value} */
export function decode(bytes, max = FRAME_BYTES_MAX) {
  demand(bytes.length <= max, "too-large");
  const reader = new Reader(bytes);
  const value = reader.value(0);
  demand(reader.at === bytes.length, "not-canonical", "bytes after the value");
  return value;
}

/** First byte and big-endian number of 1, 2, 4 or 8 bytes. @param {number} first @param {number} size @param {number} number */
function numbered(first, size, number) {
  const bytes = new Uint8Array(1 + size);
  bytes[0] = first;
  // BigInt.asUintN gives the two's complement of a negative number.
  let rest = BigInt.asUintN(8 * size, BigInt(number));
  for (let i = size; i > 0; i--) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}

/** @param {number} number */
function encodeInteger(number) {
  if (number >= -32 && number <= 127) return Uint8Array.of(number & 0xff);
  if (number >= 0) {
    if (number < 2 ** 8) return numbered(0xcc, 1, number);
    if (number < 2 ** 16) return numbered(0xcd, 2, number);
    if (number < 2 ** 32) return numbered(0xce, 4, number);
    return numbered(0xcf, 8, number);
  }
  if (number >= -(2 ** 7)) return numbered(0xd0, 1, number);
  if (number >= -(2 ** 15)) return numbered(0xd1, 2, number);
  if (number >= -(2 ** 31)) return numbered(0xd2, 4, number);
  return numbered(0xd3, 8, number);
}

/** The head of a str, array or map: in the first byte if it is less than `short`, else in a form of `forms`, which are
 * the first bytes for lengths of 1 (0 where there is none), 2 and 4 bytes.
 * @param {number} length @param {number} base @param {number} short @param {[number, number, number]} forms */
function encodeLength(length, base, short, forms) {
  if (length < short) return Uint8Array.of(base + length);
  if (forms[0] && length < 2 ** 8) return numbered(forms[0], 1, length);
  if (length < 2 ** 16) return numbered(forms[1], 2, length);
  return numbered(forms[2], 4, length);
}

/** @param {string} text */
function strBytes(text) {
  // TextEncoder would write U+FFFD for a surrogate that stands alone.
  demand(text.isWellFormed() && !text.includes("\0"), "not-canonical", "no str of 2.1.3");
  return utf8(text);
}

/** @param {Value} value @param {Uint8Array[]} out @param {number} inside */
function write(value, out, inside) {
  if (value === null) out.push(Uint8Array.of(0xc0));
  else if (typeof value === "boolean") out.push(Uint8Array.of(value ? 0xc3 : 0xc2));
  else if (isInteger(value)) out.push(encodeInteger(value));
  else if (typeof value === "string") {
    const bytes = strBytes(value);
    out.push(encodeLength(bytes.length, 0xa0, 32, [0xd9, 0xda, 0xdb]), bytes);
  } else if (value instanceof Uint8Array) {
    out.push(encodeLength(value.length, 0, 0, [0xc4, 0xc5, 0xc6]), value);
  } else if (Array.isArray(value)) {
    demand(inside < DEPTH_MAX, "too-deep");
    out.push(encodeLength(value.length, 0x90, 16, [0, 0xdc, 0xdd]));
    for (const element of value) write(element, out, inside + 1);
  } else if (value instanceof Map) {
    demand(inside < DEPTH_MAX, "too-deep");
    out.push(encodeLength(value.size, 0x80, 16, [0, 0xde, 0xdf]));
    /** @type {[Uint8Array, string][]} */
    const keys = [...value.keys()].map((key) => {
      demand(typeof key === "string", "not-canonical", "a key that is no str");
      return [strBytes(key), key];
    });
    keys.sort((a, b) => compareBytes(a[0], b[0]));
    for (const [bytes, key] of keys) {
      out.push(encodeLength(bytes.length, 0xa0, 32, [0xd9, 0xda, 0xdb]), bytes);
      write(/** @type {Value} */ (value.get(key)), out, inside + 1);
    }
  } else throw new Fault("not-canonical", "no value of 2.1.1");
}

/** The one encoding of a value; what has none is a fault. @param {Value} value @returns {Uint8Array} */
export function encode(value) {
  /** @type {Uint8Array[]} */
  const out = [];
  write(value, out, 0);
  return concat(out);
}
