// Section 10: what is wrong with bytes, or why they are not taken, has a name.

export class Fault extends Error {
  /** @param {string} fault a name of section 10 @param {string} [why] for people */
  constructor(fault, why = "") {
    super(why ? `${fault}: ${why}` : fault);
    this.fault = fault;
  }
}

/** @param {boolean} holds @param {string} fault @param {string} [why] @returns {asserts holds} */
export function demand(holds, fault, why) {
  if (!holds) throw new Fault(fault, why);
}
