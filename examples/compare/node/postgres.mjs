// node postgres.mjs NODE_MODULES SQL...: prints the rows of each statement, with tabs between the columns.
import { pathToFileURL } from "node:url";
import { join } from "node:path";

const [modules, ...statements] = process.argv.slice(2);
const { PGlite } = await import(pathToFileURL(join(modules, "@electric-sql/pglite/dist/index.js")));
const db = await PGlite.create();
for (const sql of statements) {
  const { rows } = await db.query(sql, [], { rowMode: "array" });
  for (const row of rows) console.log(row.join("\t"));
}
await db.close();
