// Texts as the ledger's notes quote them.

const SHORT = { "\t": "\\t", "\n": "\\n", "\r": "\\r" };

function escaped(character) {
  if (Object.hasOwn(SHORT, character)) return SHORT[character];
  const code = character.codePointAt(0).toString(16);
  if (code.length <= 2) return `\\x${code.padStart(2, "0")}`;
  return code.length <= 4 ? `\\u${code.padStart(4, "0")}` : `\\U${code.padStart(8, "0")}`;
}

// A text in quotes, its quotes and whatever cannot be printed escaped.
export function pythonText(text) {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const inner = text.replaceAll("\\", "\\\\").replaceAll(quote, `\\${quote}`);
  return quote + inner.replace(/(?! )[\p{C}\p{Z}]/gu, escaped) + quote;
}
