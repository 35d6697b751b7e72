/**
 * The smallest module with a fused multiply-add, never run:
 *
 *     (module (func unreachable f32x4.relaxed_madd drop))
 */
const RELAXED_MADD = new Uint8Array([
  0,
  0x61,
  0x73,
  0x6d,
  1,
  0,
  0,
  0, // magic number, version
  1,
  4,
  1,
  0x60,
  0,
  0, // a type: nothing to nothing
  3,
  2,
  1,
  0, // a function of it
  10,
  9,
  1,
  7,
  0,
  0x00,
  0xfd,
  0x85,
  0x02,
  0x1a,
  0x0b, // its code
]);

/** Whether the browser has relaxed SIMD, with which multiplication and addition are one instruction. */
export function hasRelaxedSimd(): boolean {
  return WebAssembly.validate(RELAXED_MADD);
}
