// node python.cjs NODE_MODULES EXPRESSION...: prints the values of expressions.
const { join } = require("path");
const [modules, ...expressions] = process.argv.slice(2);
const { syncPython } = require(join(modules, "python-wasm"));
syncPython({ noReadline: true }).then((python) => {
  process.stdout.write(expressions.map((x) => python.repr(x) + "\n").join(""), () => process.exit(0));
});
