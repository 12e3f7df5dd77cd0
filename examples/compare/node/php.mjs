// node php.mjs NODE_MODULES CODE...: runs pieces of PHP.
import { pathToFileURL } from "node:url";
import { join } from "node:path";

const [modules, ...pieces] = process.argv.slice(2);
const { PhpNode } = await import(pathToFileURL(join(modules, "php-wasm/PhpNode.mjs")));
const php = new PhpNode({ version: "8.0" });
for (const name of ["output", "error"]) php.addEventListener(name, (e) => process.stdout.write(String(e.detail)));
for (const code of pieces) await php.run("<?php " + code);
