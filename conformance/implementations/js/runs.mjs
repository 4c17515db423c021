// Section 6: runs. Checking one (6.3), and joining it to a log (6.4).

import { equalBytes, toHex } from "./bytes.mjs";
import { verifyInContext } from "./ed25519.mjs";
import { demand, Fault } from "./faults.mjs";
import { decode, encode, isBin, isIntegerIn } from "./mp.mjs";
import { checkHeader, commitOf, HEADER_BYTES_MAX, KIND, recordId } from "./records.mjs";

/** @typedef {import("./mp.mjs").Value} Value */
/** @typedef {{id: Uint8Array, header: import("./records.mjs").Header, present: boolean[]}} Checked `present` tells of
 *   each part whether the run carries its bytes */
/** @typedef {{log: Uint8Array, firstSeq: number, prev: Uint8Array, records: Checked[], seal: Uint8Array}} Run */

const RUN_BYTES_MAX = 1_048_576;
const RUN_RECORDS_MAX = 256;
const EMPTY = new Uint8Array();

/** A part of a run as it stands in the header, `[role, length, commit]`. What role, length and commit may be is judged
 * there. @param {Value} part @returns {{element: Value[], present: boolean}} */
function headerPart(part) {
  demand(Array.isArray(part) && part.length === 3, "bad-parts");
  const [role, saltOrCommit, bytesOrLength] = part;
  if (isBin(bytesOrLength)) {
    demand(isBin(saltOrCommit, 16), "bad-parts", "salt");
    return { element: [role, bytesOrLength.length, commitOf(saltOrCommit, bytesOrLength)], present: true };
  }
  return { element: [role, bytesOrLength, saltOrCommit], present: false };
}

/** 6.3.2 for one record. @param {Value} record @param {Uint8Array} log @param {number} seq @param {Uint8Array} prev
 * @returns {Checked} */
function rebuild(record, log, seq, prev) {
  demand(Array.isArray(record) && record.length === 7, "bad-run", "a record");
  const [kind, ts, clock, type, refs, parts, ext] = record;
  demand(Array.isArray(parts), "bad-parts");
  const converted = parts.map(headerPart);
  const value = [1, kind, seq === 0 ? EMPTY : log, seq, prev, ts, clock, type, refs, converted.map((part) => part.element), ext];
  const bytes = encode(value);
  demand(bytes.length <= HEADER_BYTES_MAX, "too-large", "a header");
  return { id: recordId(bytes), header: checkHeader(value), present: converted.map((part) => part.present) };
}

/** What a run shows by itself, all of 6.3 but the seal. @param {Uint8Array} bytes @returns {Run} */
export function readRun(bytes) {
  const value = decode(bytes, RUN_BYTES_MAX);
  const fault = "bad-run";
  demand(Array.isArray(value) && value.length === 5, fault);
  const [log, firstSeq, prev, records, seal] = value;
  demand(isBin(log, 32), fault, "log");
  demand(isIntegerIn(firstSeq), fault, "first_seq");
  demand(isBin(prev, firstSeq === 0 ? 0 : 32), fault, "prev");
  demand(Array.isArray(records) && records.length >= 1 && records.length <= RUN_RECORDS_MAX, fault, "records");
  demand(isBin(seal, 64), "bad-signature", "no seal");
  demand(firstSeq <= Number.MAX_SAFE_INTEGER - (records.length - 1), "bad-header", "seq beyond 2^53-1");

  /** @type {Checked[]} */
  const checked = [];
  let before = prev;
  for (const [i, record] of records.entries()) {
    const { id, header, present } = rebuild(record, log, firstSeq + i, before);
    demand(checked.at(-1)?.header.kind !== KIND.close, "log-closed");
    checked.push({ id, header, present });
    before = id;
  }
  if (firstSeq === 0) demand(equalBytes(checked[0].id, log), fault, "the log id is another");
  return { log, firstSeq, prev, records: checked, seal };
}

/** The writer key that the open record of a run names. @param {Run} run @returns {Uint8Array | undefined} */
export const openWriter = (run) =>
  run.firstSeq === 0 ? /** @type {Uint8Array} */ (run.records[0].header.ext.get("writer")) : undefined;

/** 6.3.5. @param {Run} run @param {Uint8Array} writer */
export const checkSeal = (run, writer) =>
  verifyInContext("sign-record", /** @type {Checked} */ (run.records.at(-1)).id, writer, run.seal);

/** 6.3. @param {Uint8Array} bytes @param {Uint8Array} [heldWriter] the log's key as held; not used from seq 0 on
 * @returns {Run} */
export function verifyRun(bytes, heldWriter) {
  const run = readRun(bytes);
  const writer = openWriter(run) ?? heldWriter;
  // 6.3.5: without the open record there is no key to check the seal with.
  if (writer === undefined) throw new Fault("gap", "no open record");
  checkSeal(run, writer);
  return run;
}

/** One branch of a log as a receiver holds it: ids and seals, and of each part whether it was brought. */
export class Log {
  constructor() {
    /** @type {{id: Uint8Array, kind: number, present: boolean[]}[]} record n at index n */
    this.held = [];
    /** @type {Uint8Array | undefined} */
    this.writer = undefined;
    /** @type {Map<number, Uint8Array>} by the seq of the record that they sign */
    this.seals = new Map();
    /** What the log's own erase records name: masks by record id in hexadecimal. A log has one writer and one scope, so
     * each of them is effective on records of the log (5.7.2). @type {Map<string, number>} */
    this.erased = new Map();
  }

  /** Takes a run by 6.3 and 6.4.1 to 6.4.4, or throws and is as before. @param {Uint8Array} bytes */
  receive(bytes) {
    const run = verifyRun(bytes, this.writer);
    const height = this.held.length; // h + 1
    demand(run.firstSeq <= height, "gap");
    if (run.firstSeq > 0) demand(equalBytes(this.held[run.firstSeq - 1].id, run.prev), "fork", "below");
    const known = run.records.slice(0, height - run.firstSeq);
    const fresh = run.records.slice(known.length);
    for (const { id, header } of known) demand(equalBytes(this.held[header.seq].id, id), "fork");
    demand(fresh.length === 0 || !this.closed, "log-closed");

    // Nothing is refused from here on.
    this.writer ??= openWriter(run);
    for (const { header, present } of known) {
      const held = this.held[header.seq].present;
      for (const position of held.keys()) held[position] ||= present[position];
    }
    for (const { id, header, present } of fresh) {
      this.held.push({ id, kind: header.kind, present });
      if (header.kind === KIND.erase) this.erase(header);
    }
    const end = run.firstSeq + run.records.length - 1;
    if (!this.seals.has(end)) this.seals.set(end, run.seal);
    return { new: fresh.length, known: known.length };
  }

  /** Notes the parts that an erase record names. @param {import("./records.mjs").Header} header */
  erase({ refs, ext }) {
    const masks = /** @type {number[]} */ (ext.get("mask"));
    for (const [i, ref] of refs.entries()) {
      const target = toHex(ref);
      this.erased.set(target, (this.erased.get(target) ?? 0) | masks[i]);
    }
  }

  get closed() {
    return this.held.at(-1)?.kind === KIND.close;
  }

  /** seq and id of the last record. @returns {[number, string] | null} */
  get head() {
    const last = this.held.at(-1);
    return last ? [this.held.length - 1, toHex(last.id)] : null;
  }

  /** seq and position of the parts whose bytes are neither here nor erased (5.6.3). @returns {[number, number][]} */
  get missing() {
    return this.held.flatMap(({ id, present }, seq) => {
      const erased = this.erased.get(toHex(id)) ?? 0;
      return [...present.keys()]
        .filter((position) => !present[position] && !((erased >> position) & 1))
        .map((position) => /** @type {[number, number]} */ ([seq, position]));
    });
  }
}
