// Names as inputs and rules write them, and the spaces that Python and Rust know.

const RESERVED = ["fund.", "pool.", "project.", "suspense:"];
export const SPACE = "\\u0009-\\u000d\\u001c-\\u001f \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028" +
  "\\u2029\\u202f\\u205f\\u3000";
// Rust's \s, which judged outside names when they were signed, leaves out U+001C to U+001F.
export const WHITE = SPACE.replace("\\u001c-\\u001f", "");
const MEMBER = new RegExp(`^[^+${SPACE}]{1,64}$`, "u");

export function isMemberId(value) {
  return typeof value === "string" && MEMBER.test(value) &&
    !RESERVED.some((prefix) => value.startsWith(prefix));
}
