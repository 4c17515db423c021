// What the vectors don't show, and the values that the text of the specification gives.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { ed25519 } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { concat, fromHex, toHex, utf8 } from "./bytes.mjs";
import { checkKey, verify, verifyInContext } from "./ed25519.mjs";
import { Fault } from "./faults.mjs";
import { formatId, H, parseId, tag } from "./ids.mjs";
import { decode, encode } from "./mp.mjs";
import { commitOf, parseHeader, recordId } from "./records.mjs";
import { Log, verifyRun } from "./runs.mjs";

const counting = Uint8Array.from({ length: 32 }, (_, i) => i);
const filled = (byte, length = 32) => new Uint8Array(length).fill(byte);
const EMPTY = new Uint8Array();

/** Does a call end in this fault? */
const faults = (fault, call) => assert.throws(call, (error) => error instanceof Fault && error.fault === fault);

test("the example of 2.1", () => {
  const bytes = fromHex("84a0c0a16193ffcc80cf001fffffffffffffa26161c40100a16280");
  const value = decode(bytes);
  assert.deepEqual(value, new Map([["", null], ["a", [-1, 128, 9007199254740991]], ["aa", filled(0, 1)], ["b", new Map()]]));
  assert.equal(toHex(encode(value)), toHex(bytes));
});

test("keys are sorted by bytes, not by UTF-16", () => {
  assert.equal(toHex(encode(new Map([["\u{1F600}", 1], ["\uFF5E", 2]]))), "82a3efbd9e02a4f09f988001");
  faults("not-canonical", () => decode(fromHex("82a4f09f988001a3efbd9e02")));
});

test("what JavaScript takes for something else has no encoding", () => {
  for (const value of [-0, 1.5, NaN, Infinity, 2 ** 53, -(2 ** 53), "\ud800", "a\0", undefined, {}, 1n, new Map([[1, 1]])]) {
    faults("not-canonical", () => encode(value));
  }
});

test("a byte order mark is text", () => assert.equal(decode(fromHex("a3efbbbf")), "\uFEFF"));

test("as many values as a frame holds", () => {
  const many = Array.from({ length: 2_097_147 }, () => null);
  assert.equal(decode(encode(many)).length, many.length);
});

test("no bytes do anything but give a value or a fault", () => {
  for (let seed = 0; seed < 3000; seed++) {
    const bytes = H("test", utf8(String(seed))).subarray(0, 1 + (seed % 32));
    bytes[0] = 0x80 | (bytes[0] & 0x5f); // arrays, maps and the forms from c0 on more often
    try {
      assert.equal(toHex(encode(decode(bytes))), toHex(bytes));
    } catch (error) {
      assert.ok(error instanceof Fault);
    }
  }
});

test("the values of 2.4.6 and 2.5", () => {
  assert.equal(toHex(tag("part")), "6875746f6e672f312f7061727400");
  assert.equal(toHex(H("record", EMPTY)), "697506165eb5d2a5adb2a6842c949b79abfcfa1dc6b3ec6c5f85036807a30ea5");
  const org = "org-aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypwp2da";
  assert.equal(formatId("org", counting), org);
  assert.deepEqual(parseId(org).id, counting);
  faults("bad-text-id", () => parseId(`${org}\n`));
  faults("bad-text-id", () => parseId(org, "rec"));
});

test("the values of 3.1 and 3.2", () => {
  const key = ed25519.getPublicKey(counting);
  assert.equal(toHex(key), "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8");
  const signature = fromHex("ca4270b482ab313e451f60f90f112b5d0a7041e265bf280cd7355f088fed3045e5d98fac84873daa62c8ac5b1788a37713fcf23d8207613f4896bee9fec5bc0c");
  verifyInContext("sign-record", filled(0), key, signature);
  faults("bad-signature", () => verifyInContext("sign-event", filled(0), key, signature));
});

test("the cofactored equation is not enough", () => {
  // R + T with T of order 2 instead of R: 8 times the equation holds, the equation doesn't.
  const { Point } = ed25519;
  const message = utf8("m");
  const { scalar, pointBytes: key } = ed25519.utils.getExtendedPublicKey(counting);
  const r = 12345n;
  const T = Point.fromAffine({ x: 0n, y: Point.Fp.ORDER - 1n });
  const R = Point.BASE.multiply(r).add(T).toBytes();
  const number = (bytes) => BigInt(`0x${toHex(bytes.slice().reverse())}`);
  const k = number(sha512(concat([R, key, message]))) % Point.Fn.ORDER;
  const S = fromHex(((r + k * scalar) % Point.Fn.ORDER).toString(16).padStart(64, "0")).reverse();
  const signature = concat([R, S]);
  assert.equal(ed25519.verify(signature, message, key, { zip215: false }), true); // why noble's own verdict isn't used
  faults("bad-signature", () => verify(key, message, signature));
});

test("verdicts on keys are kept, right and wrong ones", () => {
  for (let i = 0; i < 2; i++) {
    checkKey(ed25519.getPublicKey(counting));
    faults("bad-key", () => checkKey(filled(0)));
  }
});

// A log of an open record, two data records and a close record, made by hand from the tables of 5.2 and 6.2.
const writerSeed = filled(7);
const writer = ed25519.getPublicKey(writerSeed);
const salt = filled(1, 16);
const part = utf8("text");

const openExt = () => new Map(Object.entries({
  org: filled(2), writer, delegation: filled(3), space: "xian-2021", topic: "base", nonce: filled(4, 16), identity: [filled(3)],
}));
const dataParts = [[1, part.length, commitOf(salt, part)]];

/** Records as in a run, and their ids. */
function makeLog(ext = openExt()) {
  const kinds = [[0, "", [], ext], [1, "need/1", dataParts, new Map()], [1, "need/1", dataParts, new Map()], [3, "", [], new Map()]];
  const ids = [];
  let log = EMPTY;
  for (const [seq, [kind, type, parts, own]] of kinds.entries()) {
    const header = encode([1, kind, log, seq, ids.at(-1) ?? EMPTY, seq, seq + 1, type, [], parts, own]);
    assert.equal(parseHeader(header).seq, seq);
    ids.push(recordId(header));
    log = ids[0];
  }
  const record = (seq, present) => {
    const [kind, type, parts, own] = kinds[seq];
    const inRun = parts.map(([role, length, commit]) => (present ? [role, salt, part] : [role, commit, length]));
    return [kind, seq, seq + 1, type, [], inRun, own];
  };
  /** A run from one seq to another, sealed. */
  const run = (from, to, present = true) => {
    const records = [];
    for (let seq = from; seq <= to; seq++) records.push(record(seq, present));
    const seal = ed25519.sign(concat([tag("sign-record"), ids[to]]), writerSeed);
    return encode([log, from, from === 0 ? EMPTY : ids[from - 1], records, seal]);
  };
  return { ids, run };
}

test("a run, and runs that join", () => {
  const { ids, run } = makeLog();
  assert.deepEqual(verifyRun(run(0, 3)).records.map(({ id }) => toHex(id)), ids.map(toHex));
  assert.equal(verifyRun(run(1, 2, false), writer).records.length, 2);
  faults("gap", () => verifyRun(run(1, 2)));

  const log = new Log();
  faults("gap", () => log.receive(run(1, 3)));
  assert.deepEqual(log.receive(run(0, 1, false)), { new: 2, known: 0 });
  assert.deepEqual(log.missing, [[1, 0]]);
  faults("gap", () => log.receive(run(3, 3)));
  assert.deepEqual(log.receive(run(1, 3)), { new: 2, known: 1 });
  assert.deepEqual([log.missing, log.closed, log.head], [[], true, [3, toHex(ids[3])]]);
  assert.deepEqual([...log.seals.keys()], [1, 3]);
});

test("no bit of a run can be another", () => {
  const { run } = makeLog();
  const bytes = run(0, 1);
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const other = bytes.slice();
    other[bit >> 3] ^= 1 << (bit & 7);
    assert.throws(() => verifyRun(other), Fault, `bit ${bit}`);
  }
});

test("an open record that names another log", () => {
  const { run } = makeLog();
  const [, ...rest] = decode(run(0, 1));
  faults("bad-run", () => verifyRun(encode([filled(9), ...rest])));
});

test("the harness: one line, one reply", async () => {
  const lines = [
    '{"op":"encoding.encode","value":{"str":"a\u2028b"}}', // node:readline would see two lines
    '{"op":"encoding.encode","value":{"int":"-0"}}',
    '{"op":"encoding.encode","value":{"str":"\\ud800"}}',
    '{"op":"constructor"}',
    '{"op":"hash","context":"record"}',
    "no JSON",
    '{"op":"encoding.decode","hex":"c1","ignored":1}',
  ];
  const child = spawn(process.execPath, [fileURLToPath(new URL("harness.mjs", import.meta.url))], { stdio: ["pipe", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (chunk) => (output += chunk));
  const ended = new Promise((resolve) => child.stdout.on("end", resolve));
  // In pieces, so that lines and characters are cut.
  for (const byte of Buffer.from(lines.map((line) => `${line}\n`).join(""))) child.stdin.write(Uint8Array.of(byte));
  child.stdin.end();
  await ended;
  const replies = output.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(replies.map((reply) => Object.keys(reply)[0]), ["ok", "error", "error", "unsupported", "error", "error", "fault"]);
  assert.deepEqual([replies[0], replies[6]], [{ ok: "a561e280a862" }, { fault: "not-canonical" }]);
});
