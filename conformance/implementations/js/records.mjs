// Section 5: headers, record ids, and which parts are erased.

import { strictlyAscending, toHex, utf8 } from "./bytes.mjs";
import { demand } from "./faults.mjs";
import { H } from "./ids.mjs";
import { decode, depthOf, isBin, isIntegerIn } from "./mp.mjs";

/** @typedef {import("./mp.mjs").Value} Value */
/** @typedef {{v: number, kind: number, log: Uint8Array, seq: number, prev: Uint8Array, ts: number, clock: number,
 *   type: string, refs: Uint8Array[], parts: [number, number, Uint8Array][], ext: Map<string, Value>}} Header */

export const KIND = { open: 0, data: 1, erase: 2, close: 3 };
export const HEADER_BYTES_MAX = 1024;
const EXT_DEPTH_MAX = 8;
const ROLE = { facts: 0, text: 1 };
const NAME = /^[a-z0-9-]{1,64}$/; // 5.1.1; $ without the m flag is the very end in JavaScript
const DATA_TYPE = /^[a-z][a-z0-9_-]*\/[1-9][0-9]{0,3}$/;

/** @param {unknown} value @returns {value is string} */
const isName = (value) => typeof value === "string" && NAME.test(value);

/** @param {Value[]} refs @param {number} kind */
function checkRefs(refs, kind) {
  const fault = "bad-refs";
  demand(Array.isArray(refs) && refs.length <= 16, fault);
  if (kind === KIND.open || kind === KIND.close) demand(refs.length === 0, fault);
  const mayBeEmpty = kind !== KIND.erase;
  for (const ref of refs) demand(isBin(ref, 32) || (mayBeEmpty && isBin(ref, 0)), fault);
  if (refs.length > 0) demand(isBin(refs.at(-1), 32), fault, "the last is empty");
  if (kind === KIND.erase) {
    demand(refs.length >= 1, fault);
    demand(new Set(refs.map((ref) => toHex(/** @type {Uint8Array} */ (ref)))).size === refs.length, fault, "named twice");
  }
}

/** 5.5.1, 5.5.2. @param {Value[]} parts @param {number} kind */
function checkParts(parts, kind) {
  const fault = "bad-parts";
  demand(Array.isArray(parts) && parts.length <= 4, fault);
  if (kind === KIND.open || kind === KIND.erase || kind === KIND.close) demand(parts.length === 0, fault);
  let roleBefore = -1;
  let sum = 0;
  for (const part of parts) {
    demand(Array.isArray(part) && part.length === 3, fault);
    const [role, length, commit] = part;
    demand(isIntegerIn(role), fault);
    demand(isIntegerIn(length, 1, 65_536), fault);
    demand(isBin(commit, 32), fault);
    const once = role === ROLE.facts || role === ROLE.text;
    demand(once ? role > roleBefore : role >= roleBefore, fault, "order of roles");
    roleBefore = role;
    sum += length;
  }
  demand(sum <= 131_072, fault);
}

/** @param {Value | undefined} crit @param {Map<string, Value>} ext @param {string} fault */
function checkCrit(crit, ext, fault) {
  demand(Array.isArray(crit) && crit.length >= 1 && crit.length <= 16, fault, "crit");
  for (const key of crit) demand(typeof key === "string" && ext.has(key), fault, "crit");
  demand(strictlyAscending(crit.map((key) => utf8(/** @type {string} */ (key)))), fault, "crit");
}

/** @param {Value | undefined} exp @param {Header["parts"]} parts @param {string} fault */
function checkExp(exp, parts, fault) {
  demand(exp instanceof Map && exp.size >= 1 && exp.size <= 4, fault, "exp");
  for (const [position, time] of exp) {
    demand(/^[0-3]$/.test(position) && Number(position) < parts.length, fault, "exp");
    demand(parts[Number(position)][0] !== ROLE.facts, fault, "exp of facts");
    demand(isIntegerIn(time), fault, "exp");
  }
}

/** @param {Value | undefined} identity @param {string} fault */
function checkIdentity(identity, fault) {
  demand(Array.isArray(identity) && identity.length >= 1 && identity.length <= 4, fault, "identity");
  for (const head of identity) demand(isBin(head, 32), fault, "identity");
  demand(strictlyAscending(/** @type {Uint8Array[]} */ (identity)), fault, "identity");
}

/** 5.3.3. @param {Map<string, Value>} ext */
function checkOpen(ext) {
  const fault = "bad-open";
  demand(ext.has("identity"), fault, "identity");
  for (const key of ["org", "writer", "delegation"]) demand(isBin(ext.get(key), 32), fault, key);
  for (const key of ["space", "topic"]) demand(isName(ext.get(key)), fault, key);
  demand(isBin(ext.get("nonce"), 16), fault, "nonce");
  if (ext.has("space_salt")) demand(isBin(ext.get("space_salt"), 16), fault, "space_salt");
  if (ext.has("after")) {
    const after = ext.get("after");
    demand(Array.isArray(after) && after.length === 3, fault, "after");
    demand(isBin(after[0], 32) && isIntegerIn(after[1]) && isBin(after[2], 32), fault, "after");
  }
}

/** 5.3. @param {Value} ext @param {number} kind @param {Header["parts"]} parts @param {number} refCount */
function checkExt(ext, kind, parts, refCount) {
  const fault = kind === KIND.open ? "bad-open" : "bad-ext";
  demand(ext instanceof Map, fault);
  demand(depthOf(ext) <= EXT_DEPTH_MAX, "too-deep", "ext");
  demand(ext.size <= 16, fault);
  for (const key of ext.keys()) {
    const length = utf8(key).length;
    demand(length >= 1 && length <= 64, fault, "length of a key");
  }
  if (ext.has("crit")) checkCrit(ext.get("crit"), ext, fault);
  if (ext.has("exp")) checkExp(ext.get("exp"), parts, fault);
  if (kind > KIND.close) return; // 5.3.5
  if (ext.has("identity")) checkIdentity(ext.get("identity"), fault);
  if (kind === KIND.open) checkOpen(ext);
  if (kind === KIND.erase) {
    const mask = ext.get("mask");
    demand(Array.isArray(mask) && mask.length === refCount, fault, "mask");
    for (const bits of mask) demand(isIntegerIn(bits, 1, 15), fault, "mask");
  } else demand(!ext.has("mask"), fault, "mask");
}

/** The rules of 5.2 about a header as a value. @param {Value} value @returns {Header} */
export function checkHeader(value) {
  const fault = "bad-header";
  demand(Array.isArray(value) && value.length > 0, fault, "no array");
  const [v, kind, log, seq, prev, ts, clock, type, refs, parts, ext] = value;
  // Before the number of elements: only version 1 fixes that (5.2.1).
  demand(isIntegerIn(v), fault, "v");
  demand(v === 1, "upgrade-needed");
  demand(value.length === 11, fault, "elements");
  demand(isIntegerIn(kind), fault, "kind");
  const idLength = kind === KIND.open ? 0 : 32;
  demand(isBin(log, idLength), fault, "log");
  demand(isIntegerIn(seq) && (seq === 0) === (kind === KIND.open), fault, "seq");
  demand(isBin(prev, idLength), fault, "prev");
  demand(isIntegerIn(ts), fault, "ts");
  demand(isIntegerIn(clock, 1), fault, "clock");
  demand(typeof type === "string" && utf8(type).length <= 32, fault, "type");
  if (kind === KIND.data) demand(DATA_TYPE.test(type), fault, "type");
  else if (kind <= KIND.close) demand(type === "", fault, "type");
  checkRefs(/** @type {Value[]} */ (refs), kind);
  checkParts(/** @type {Value[]} */ (parts), kind);
  checkExt(ext, kind, /** @type {Header["parts"]} */ (parts), /** @type {Value[]} */ (refs).length);
  return /** @type {Header} */ ({ v, kind, log, seq, prev, ts, clock, type, refs, parts, ext });
}

/** @param {Uint8Array} bytes @returns {Header} */
export const parseHeader = (bytes) => checkHeader(decode(bytes, HEADER_BYTES_MAX));

/** The record id of a header that was checked (5.2.3). @param {Uint8Array} bytes */
export const recordId = (bytes) => H("record", bytes);

/** @param {Uint8Array} salt @param {Uint8Array} bytes */
export const commitOf = (salt, bytes) => H("part", salt, bytes);

/** @typedef {{record: string, org: string, scope: [string, string], writer: string, parts?: number}} Target */
/** @typedef {{org: string, scope: [string, string], writer: string, right: boolean, names: [string, number][]}} Erase */

/** Which parts are erased (5.7), of records that are authentic and not cut away. Records are named in hexadecimal.
 * @param {Target[]} targets @param {Erase[]} erases @returns {[string, number][]} sorted, without those that keep all */
export function erasedParts(targets, erases) {
  /** @type {[string, number][]} */
  const erased = [];
  for (const target of targets) {
    let mask = 0;
    for (const erase of erases) {
      const sameScope = erase.scope[0] === target.scope[0] && erase.scope[1] === target.scope[1];
      const effective = erase.org === target.org && sameScope && (erase.writer === target.writer || erase.right);
      if (effective) for (const [record, bits] of erase.names) if (record === target.record) mask |= bits;
    }
    mask &= 2 ** (target.parts ?? 0) - 1; // bits of positions that the target doesn't have
    if (mask !== 0) erased.push([target.record, mask]);
  }
  // Of lower-case hexadecimal texts of one length this is the order of the bytes.
  return erased.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}
