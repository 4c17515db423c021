// Section 3: Hutong-strict.
//
// Only the arithmetic of points is taken from @noble/curves. Its own verify() multiplies by the cofactor even with
// `zip215: false`, which is what 3.2.2 and 3.4 forbid; so the equation of 3.2.1 (e) stands here.

import { ed25519 } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { concat, equalBytes, toHex } from "./bytes.mjs";
import { demand } from "./faults.mjs";
import { tag } from "./ids.mjs";

const { Point } = ed25519;
const L = Point.Fn.ORDER;
const SIGNING_CONTEXTS = ["sign-record", "sign-event", "sign-possession", "sign-hello", "sign-invite", "sign-join"];

/** The 14 encodings of 3.2.3. */
const REFUSED_R = new Set([
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0000000000000000000000000000000000000000000000000000000000000080",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000080",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
]);

/** @param {Uint8Array} bytes */
function littleEndian(bytes) {
  return BigInt(`0x${toHex(bytes.slice().reverse())}`);
}

/** 3.1.1 (b) to (d). fromBytes is strict by default: it refuses y >= p, what is off the curve, and x = 0 with the sign
 * bit; isTorsionFree multiplies by L as an integer.
 * @param {Uint8Array} key 32 bytes @returns {InstanceType<typeof Point> | null} */
function keyPoint(key) {
  try {
    const point = Point.fromBytes(key);
    return point.isTorsionFree() && !point.is0() ? point : null;
  } catch {
    return null;
  }
}

// 3.1.5: each key is checked once; the memory for that is bounded, the oldest verdict goes first.
const VERDICTS_MAX = 1024;
/** @type {Map<string, InstanceType<typeof Point> | null>} */
const verdicts = new Map();

/** Is a public key valid by 3.1? @param {Uint8Array} key @returns its point; otherwise the fault `bad-key` */
export function checkKey(key) {
  demand(key.length === 32, "bad-key", "length");
  const name = toHex(key);
  let point = verdicts.get(name);
  if (point === undefined) {
    point = keyPoint(key);
    if (verdicts.size >= VERDICTS_MAX) verdicts.delete(/** @type {string} */ (verdicts.keys().next().value));
    verdicts.set(name, point);
  }
  demand(point !== null, "bad-key");
  return point;
}

/** @param {Uint8Array} key @param {Uint8Array} message @param {Uint8Array} signature */
export function verify(key, message, signature) {
  const A = checkKey(key);
  demand(signature.length === 64, "bad-signature", "length");
  const R = signature.subarray(0, 32);
  const S = littleEndian(signature.subarray(32));
  demand(S < L, "bad-signature", "S");
  demand(!REFUSED_R.has(toHex(R)), "bad-signature", "R of small order");
  const k = littleEndian(sha512(concat([R, key, message]))) % L;
  const expected = Point.BASE.multiplyUnsafe(S).subtract(A.multiplyUnsafe(k)).toBytes();
  demand(equalBytes(expected, R), "bad-signature");
}

/** 3.3: the message is built here, never taken. @param {string} context @param {Uint8Array} fields joined
 * @param {Uint8Array} key @param {Uint8Array} signature */
export function verifyInContext(context, fields, key, signature) {
  if (!SIGNING_CONTEXTS.includes(context)) throw new TypeError(`no context of 3.3.4: ${context}`);
  verify(key, concat([tag(context), fields]), signature);
}
