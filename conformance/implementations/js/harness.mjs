// One request a line on standard input, one reply a line on standard output: vectors/README.md of the specification.

import { fromHex, toHex } from "./bytes.mjs";
import { checkKey, verify, verifyInContext } from "./ed25519.mjs";
import { Fault } from "./faults.mjs";
import { formatId, H, parseId } from "./ids.mjs";
import { decode, encode } from "./mp.mjs";
import { erasedParts, parseHeader, recordId } from "./records.mjs";
import { Log, verifyRun } from "./runs.mjs";

/** @typedef {import("./mp.mjs").Value} Value */
/** @typedef {Record<string, any>} Request */

/** @param {Value} value @returns {unknown} */
function toTagged(value) {
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "number") return { int: String(value) };
  if (typeof value === "string") return { str: value };
  if (value instanceof Uint8Array) return { bin: toHex(value) };
  if (Array.isArray(value)) return value.map(toTagged);
  return { map: [...value].map(([key, element]) => [{ str: key }, toTagged(element)]) };
}

/** @param {any} tagged @returns {Value} */
function fromTagged(tagged) {
  if (tagged === null || typeof tagged === "boolean") return tagged;
  if (Array.isArray(tagged)) return tagged.map(fromTagged);
  const entries = typeof tagged === "object" ? Object.entries(tagged) : [];
  if (entries.length !== 1) throw new TypeError("no tagged value");
  const [kind, content] = entries[0];
  if (kind === "int" && typeof content === "string" && /^(0|-?[1-9][0-9]*)$/.test(content)) return Number(content);
  if (kind === "str" && typeof content === "string") return content;
  if (kind === "bin" && typeof content === "string") return fromHex(content);
  if (kind === "map" && Array.isArray(content)) {
    const map = new Map(content.map(([key, element]) => [/** @type {string} */ (fromTagged(key)), fromTagged(element)]));
    if (map.size !== content.length) throw new TypeError("two equal keys");
    return map;
  }
  throw new TypeError("no tagged value");
}

/** @param {Request} request @param {string} name @returns {string} */
function text(request, name) {
  if (typeof request[name] !== "string") throw new TypeError(`${name} is missing or no text`);
  return request[name];
}

/** @param {Request} request @param {string} name */
const bytes = (request, name) => fromHex(text(request, name));

/** @param {Request} request @param {string} name @returns {any[]} */
function list(request, name) {
  if (!Array.isArray(request[name])) throw new TypeError(`${name} is missing or no array`);
  return request[name];
}

/** @param {() => void} check */
function holds(check) {
  check();
  return true;
}

/** @param {Request} request */
function parseRecord(request) {
  const header = parseHeader(bytes(request, "header"));
  return {
    ...header,
    log: toHex(header.log),
    prev: toHex(header.prev),
    refs: header.refs.map(toHex),
    parts: header.parts.map(([role, length, commit]) => [role, length, toHex(commit)]),
    ext: toTagged(header.ext),
  };
}

/** @param {Request} request */
function joinLog(request) {
  const log = new Log();
  const steps = list(request, "runs").map((run) => {
    const received = fromHex(run);
    try {
      return log.receive(received);
    } catch (error) {
      if (error instanceof Fault) return error.fault;
      throw error;
    }
  });
  return { steps, head: log.head, closed: log.closed, missing: log.missing };
}

/** A Map, since a plain object would also have an operation "constructor". @type {Map<string, (request: Request) => unknown>} */
const OPERATIONS = new Map(Object.entries({
  "encoding.decode": (request) => {
    if (request.max !== undefined && !Number.isSafeInteger(request.max)) throw new TypeError("max is no integer");
    return toTagged(decode(bytes(request, "hex"), request.max));
  },
  "encoding.encode": (request) => {
    const value = fromTagged(request.value);
    try {
      return toHex(encode(value));
    } catch (error) {
      // What has no encoding is a wrong request here, not bytes that are wrong.
      throw error instanceof Fault ? new TypeError(error.message) : error;
    }
  },
  hash: (request) => toHex(H(text(request, "context"), bytes(request, "hex"))),
  "id.format": (request) => formatId(text(request, "prefix"), bytes(request, "hex")),
  "id.parse": (request) => {
    const { prefix, id } = parseId(text(request, "text"), request.prefix === undefined ? undefined : text(request, "prefix"));
    return { prefix, hex: toHex(id) };
  },
  "key.check": (request) => {
    const key = bytes(request, "key");
    return holds(() => checkKey(key));
  },
  "signature.verify": (request) => {
    const [key, message, signature] = ["key", "message", "signature"].map((name) => bytes(request, name));
    return holds(() => verify(key, message, signature));
  },
  "signature.in-context": (request) => {
    const [fields, key, signature] = ["fields", "key", "signature"].map((name) => bytes(request, name));
    return holds(() => verifyInContext(text(request, "context"), fields, key, signature));
  },
  "record.parse": parseRecord,
  "record.id": (request) => {
    const header = bytes(request, "header");
    parseHeader(header);
    return toHex(recordId(header));
  },
  "erasure.effective": (request) => erasedParts(list(request, "targets"), list(request, "erases")),
  "run.verify": (request) => {
    const run = verifyRun(bytes(request, "run"), request.writer === undefined ? undefined : bytes(request, "writer"));
    return { first_seq: run.firstSeq, ids: run.records.map(({ id }) => toHex(id)) };
  },
  "log.join": joinLog,
}));

/** @param {string} line @returns {object} */
function answer(line) {
  try {
    const request = JSON.parse(line);
    const operation = OPERATIONS.get(text(request, "op"));
    return operation ? { ok: operation(request) } : { unsupported: true };
  } catch (error) {
    return error instanceof Fault ? { fault: error.fault } : { error: String(error) };
  }
}

// Not node:readline, which also ends lines at U+2028 and U+2029; JSON allows both inside texts.
/** @type {Buffer[]} */
let pending = [];
process.stdin.on("data", (/** @type {Buffer} */ chunk) => {
  let from = 0;
  for (let end; (end = chunk.indexOf(0x0a, from)) !== -1; from = end + 1) {
    const line = Buffer.concat([...pending, chunk.subarray(from, end)]).toString("utf8");
    pending = [];
    process.stdout.write(`${JSON.stringify(answer(line))}\n`);
  }
  if (from < chunk.length) pending.push(chunk.subarray(from));
});
