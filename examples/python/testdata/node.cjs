// What the same package says in Node: a list of expressions as JSON on standard input, of which the list of values, as repr
// writes them, goes to standard output. The folders have packages of Python.   node node.cjs PACKAGE [FOLDER...] <expressions.json
const { syncPython } = require(process.argv[2]);

syncPython({ noReadline: true }).then((python) => {
  python.exec(`import sys; sys.path.extend(${JSON.stringify(process.argv.slice(3))})`);
  const expressions = JSON.parse(require("fs").readFileSync(0, "utf8"));
  process.stdout.write(JSON.stringify(expressions.map((x) => python.repr(x))), () => process.exit(0));
});
