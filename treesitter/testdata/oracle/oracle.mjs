// What web-tree-sitter in Node makes of some sources: JSON on standard input, a list of cases with the paths of a grammar
// and of web-tree-sitter's own files, a source and a query; JSON on standard output. Offsets and columns are in UTF-16 units.
//   node oracle.mjs WEB_TREE_SITTER_DIRECTORY <cases.json

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { join } from "node:path";

// A cursor that is collected after its tree was deleted would free memory that is not its own any more: nothing is freed
// when it is collected. The process is short.
globalThis.FinalizationRegistry = class {
  register() {}
  unregister() {}
};

const { Parser, Language, Query } = await import(pathToFileURL(join(process.argv[2], "web-tree-sitter.js")));
await Parser.init();

// all nodes, parents before children, with what a cursor says of them
function walk(tree) {
  const cursor = tree.walk(), list = [];
  for (;;) {
    list.push({ node: cursor.currentNode, field: cursor.currentFieldName ?? "", depth: cursor.currentDepth });
    if (cursor.gotoFirstChild()) continue;
    while (!cursor.gotoNextSibling()) {
      if (!cursor.gotoParent()) {
        cursor.delete();
        return list;
      }
    }
  }
}

const point = (p) => [p.row, p.column];
const range = (n) => [n.startIndex, n.endIndex, ...point(n.startPosition), ...point(n.endPosition)];

function describe(tree) {
  const list = walk(tree), number = new Map(list.map((x, i) => [x.node.id, i]));
  const at = (n) => (n === null ? -1 : number.get(n.id));
  return list.map(({ node: n, field, depth }) => ({
    type: n.type, grammarType: n.grammarType, symbol: n.typeId, field, depth, range: range(n),
    flags: [n.isNamed, n.isExtra, n.isMissing, n.isError, n.hasError],
    states: [n.parseState, n.nextParseState],
    links: [n.parent, n.nextSibling, n.previousSibling, n.nextNamedSibling, n.previousNamedSibling, n.firstChild, n.lastChild,
      n.firstNamedChild, n.lastNamedChild].map(at),
    counts: [n.childCount, n.namedChildCount, n.descendantCount],
    byField: field === "" ? -1 : at(n.parent.childForFieldName(field)),
    allByField: field === "" ? [] : n.parent.childrenForFieldName(field).map(at),
  }));
}

// the smallest nodes of ranges, every step units
function smallest(tree, length, step) {
  const number = new Map(walk(tree).map((x, i) => [x.node.id, i])), list = [];
  const at = (n) => (n === null ? -1 : number.get(n.id));
  for (let i = 0; i <= length; i += step) {
    const row = [at(tree.rootNode.firstChildForIndex(i)), at(tree.rootNode.firstNamedChildForIndex(i))];
    for (let j = i; j <= length; j += step)
      row.push(at(tree.rootNode.descendantForIndex(i, j)), at(tree.rootNode.namedDescendantForIndex(i, j)));
    list.push(row);
  }
  return list;
}

const capture = (c) => ({ name: c.name, pattern: c.patternIndex, range: [c.node.startIndex, c.node.endIndex], set: c.setProperties ?? {} });

function ask(language, tree, source) {
  const query = new Query(language, source);
  const result = {
    captures: query.captures(tree.rootNode).map(capture),
    matches: query.matches(tree.rootNode).map((m) => ({ pattern: m.patternIndex, captures: m.captures.map(capture) })),
    others: query.predicates.map((list) => list.map((p) => p.operator)),
  };
  query.delete();
  return result;
}

const results = [];
for (const c of JSON.parse(readFileSync(0, "utf8"))) {
  const parser = new Parser(), language = await Language.load(c.grammar);
  parser.setLanguage(language);
  const tree = parser.parse(c.source);
  const result = { name: c.name, tree: tree.rootNode.toString(), nodes: describe(tree), queries: [] };
  result.smallest = smallest(tree, c.source.length, c.step);
  for (const q of c.queries) {
    try {
      result.queries.push(ask(language, tree, q));
    } catch (e) {
      result.queries.push({ error: e.name === "QueryError" ? e.kind : 100 });
    }
  }
  if (c.edit) {
    const [start, oldEnd, text, from, to, now] = c.edit;
    tree.edit({ startIndex: start, oldEndIndex: oldEnd, newEndIndex: start + text.length, startPosition: from, oldEndPosition: to, newEndPosition: now });
    const next = parser.parse(c.source.slice(0, start) + text + c.source.slice(oldEnd), tree);
    result.edited = tree.rootNode.toString();
    result.next = next.rootNode.toString();
    result.changed = tree.getChangedRanges(next).map((r) => [r.startIndex, r.endIndex]);
    next.delete();
  }
  results.push(result);
  tree.delete();
  parser.delete();
}
process.stdout.write(JSON.stringify(results));
