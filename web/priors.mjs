// Copies weights files into assets/, each under a name with its identity, and lists them in
// assets/priors.js: node priors.mjs FILE...
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";

const entries = process.argv.slice(2).map((path) => {
  const bytes = readFileSync(path);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const name = basename(path, ".safetensors");
  // A prior is named by the first four bytes of the hash of its weights, as in the header.
  const id = sha256.slice(0, 8);
  const file = `${name}-${id}.safetensors`;
  writeFileSync(new URL(`assets/${file}`, import.meta.url), bytes);
  return `  {
    name: "${name}",
    id: "${id}",
    sha256: "${sha256}",
    bytes: ${bytes.length},
    url: new URL("./${file}", import.meta.url).href,
  },\n`;
});
writeFileSync(
  new URL("assets/priors.js", import.meta.url),
  `// Made by priors.mjs: the weights beside this file.\nexport default [\n${entries.join("")}];\n`,
);
