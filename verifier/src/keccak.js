// Keccak: the hash as Ethereum uses it (the padding is 0x01, not SHA-3's 0x06), and SHAKE.
//
// A lane of 64 bits is kept as two 32-bit halves: BigInt would be a hundred times slower.

const ROTATIONS = [];
const MOVES = [];
const ROUND_LOW = [];
const ROUND_HIGH = [];

function makeConstants() {
  let x = 1;
  let y = 0;
  for (let t = 0; t < 24; t++) {
    [x, y] = [y, (2 * x + 3 * y) % 5];
    MOVES.push(x + 5 * y);
    ROTATIONS.push((((t + 1) * (t + 2)) / 2) % 64);
  }
  let register = 1;
  for (let round = 0; round < 24; round++) {
    const halves = [0, 0];
    for (let j = 0; j <= 6; j++) {
      const bit = 2 ** j - 1;
      if (register & 1) halves[bit >> 5] |= 1 << (bit & 31);
      register = register & 0x80 ? (register << 1) ^ 0x171 : register << 1;
    }
    ROUND_LOW.push(halves[0]);
    ROUND_HIGH.push(halves[1]);
  }
}

makeConstants();

// The permutation on 25 lanes: low[i] and high[i] are the halves of lane i.
function permute(low, high) {
  const cl = new Int32Array(5);
  const ch = new Int32Array(5);
  for (let round = 0; round < 24; round++) {
    theta(low, high, cl, ch);
    rhoAndPi(low, high);
    chi(low, high, cl, ch);
    low[0] ^= ROUND_LOW[round];
    high[0] ^= ROUND_HIGH[round];
  }
}

function theta(low, high, cl, ch) {
  for (let x = 0; x < 5; x++) {
    cl[x] = low[x] ^ low[x + 5] ^ low[x + 10] ^ low[x + 15] ^ low[x + 20];
    ch[x] = high[x] ^ high[x + 5] ^ high[x + 10] ^ high[x + 15] ^ high[x + 20];
  }
  for (let x = 0; x < 5; x++) {
    const left = (x + 4) % 5;
    const right = (x + 1) % 5;
    const dl = cl[left] ^ ((cl[right] << 1) | (ch[right] >>> 31));
    const dh = ch[left] ^ ((ch[right] << 1) | (cl[right] >>> 31));
    for (let i = x; i < 25; i += 5) {
      low[i] ^= dl;
      high[i] ^= dh;
    }
  }
}

function rhoAndPi(low, high) {
  let l = low[1];
  let h = high[1];
  for (let t = 0; t < 24; t++) {
    const to = MOVES[t];
    const by = ROTATIONS[t];
    const [oldLow, oldHigh] = [low[to], high[to]];
    const [a, b] = by < 32 ? [l, h] : [h, l];
    const shift = by & 31;
    low[to] = shift ? (a << shift) | (b >>> (32 - shift)) : a;
    high[to] = shift ? (b << shift) | (a >>> (32 - shift)) : b;
    l = oldLow;
    h = oldHigh;
  }
}

function chi(low, high, rowLow, rowHigh) {
  for (let y = 0; y < 25; y += 5) {
    for (let x = 0; x < 5; x++) {
      rowLow[x] = low[y + x];
      rowHigh[x] = high[y + x];
    }
    for (let x = 0; x < 5; x++) {
      low[y + x] = rowLow[x] ^ (~rowLow[(x + 1) % 5] & rowLow[(x + 2) % 5]);
      high[y + x] = rowHigh[x] ^ (~rowHigh[(x + 1) % 5] & rowHigh[(x + 2) % 5]);
    }
  }
}

// What Keccak says of bytes, byte after byte, at a rate and with what the padding begins with.
export class Sponge {
  #low = new Int32Array(25);
  #high = new Int32Array(25);
  #out;
  #at = 0;

  constructor(rate, suffix, data) {
    const padded = new Uint8Array((Math.floor(data.length / rate) + 1) * rate);
    padded.set(data);
    padded[data.length] |= suffix;
    padded[padded.length - 1] |= 0x80;
    const view = new DataView(padded.buffer);
    for (let at = 0; at < padded.length; at += rate) {
      for (let lane = 0; lane < rate / 8; lane++) {
        this.#low[lane] ^= view.getInt32(at + 8 * lane, true);
        this.#high[lane] ^= view.getInt32(at + 8 * lane + 4, true);
      }
      permute(this.#low, this.#high);
    }
    this.#out = new DataView(new ArrayBuffer(rate));
    this.#fill();
  }

  #fill() {
    for (let lane = 0; lane < this.#out.byteLength / 8; lane++) {
      this.#out.setInt32(8 * lane, this.#low[lane], true);
      this.#out.setInt32(8 * lane + 4, this.#high[lane], true);
    }
    this.#at = 0;
  }

  next() {
    if (this.#at === this.#out.byteLength) {
      permute(this.#low, this.#high);
      this.#fill();
    }
    return this.#out.getUint8(this.#at++);
  }

  take(length) {
    return Uint8Array.from({ length }, () => this.next());
  }
}

// The 32-byte hash of bytes.
export function keccak256(data) {
  return new Sponge(136, 0x01, data).take(32);
}

// SHAKE256 (FIPS 202): as many bytes as one wants.
export function shake256(data, length) {
  return new Sponge(136, 0x1f, data).take(length);
}
