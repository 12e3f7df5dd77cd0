// Loads grammars, and prints the processor time in nanoseconds. The arguments are web-tree-sitter
// and the grammars' files.
const fs = require('node:fs');
const [tree, ...files] = process.argv.slice(2);
const { Parser, Language } = require(tree);

async function main() {
  await Parser.init();
  const start = process.cpuUsage();
  for (const file of files) await Language.load(fs.readFileSync(file));
  const used = process.cpuUsage(start);
  console.log(1000 * (used.user + used.system));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
