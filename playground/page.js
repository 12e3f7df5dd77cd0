"use strict";
const facts = JSON.parse(document.getElementById("facts").textContent);
const $ = id => document.getElementById(id);
const element = (tag, attributes, ...children) => {
  const e = document.createElement(tag);
  for (const [k, v] of Object.entries(attributes || {})) {
    if (k.startsWith("on")) e.addEventListener(k.slice(2), v); else if (v !== false) e.setAttribute(k, v === true ? "" : v);
  }
  e.append(...children);
  return e;
};
let view = null, picture = null, ending = null;

function call(name, argument) {
  const answer = JSON.parse(lockstep[name](argument === undefined ? "" : argument));
  if (answer.error) {
    say(true, answer.error.replace(/^(playground|protocol): /, ""));
    return false;
  }
  view = { ...view, ...answer };
  $("picture").hidden = !view.steps.length; // nothing has happened yet
  if (answer.timeline) picture = showTimeline($("picture"), answer.timeline, facts.classes);
  draw();
  return true;
}
const value = v => Array.isArray(v) ? "<<" + v.map(x => Array.isArray(x) ? value(x) : x).join(", ") + ">>" : String(v);

function say(bad, title, ...more) {
  $("verdict").className = bad ? "verdict bad" : "verdict";
  $("verdict").replaceChildren(title, ...more.map(m => element("p", {}, m)));
}

function verdict() {
  if (view.broken.length) {
    const about = view.broken.map(name => {
      const p = facts.properties[name];
      return name + (p ? ": " + p.sentence + " (spec/invariants.md, " + p.number + ")" : "");
    });
    say(true, "Step " + view.at + " breaks " + view.broken.join(", "), ...about);
  } else if (view.stuck) {
    say(true, "Deadlock: nothing can happen, and somebody is still waiting.", ...(ending ? [ending] : []));
  } else if (ending && view.at === view.steps.length) {
    say(true, ending);
  } else if (view.ended) {
    say(false, view.state.poisoned ? "The image is poisoned: nothing goes on." : "Everybody has left.");
  } else {
    say(false, "All properties of this state, and of the step to it, hold." +
      (view.firstBroken && view.firstBroken !== view.at ? " Step " + view.firstBroken + " breaks one." : ""));
  }
}

function draw() {
  verdict();
  const s = view.state, b = view.before;
  const row = (name, now, before) => element("div", { class: value(now) === value(before) ? "" : "changed" },
    element("span", {}, name), element("span", {}, value(now)));
  $("cards").replaceChildren(...view.groups.map((g, i) => element("div", { class: s.mode[i] === "Gone" ? "card gone" : "card" },
    element("b", {}, g), row("mode", s.mode[i], b.mode[i]), row("stage", s.stage[i], b.stage[i]),
    row("part", s.part[i], b.part[i]), row("mail", s.mail[i], b.mail[i]), row("view", s.view[i], b.view[i]))));
  $("shared").replaceChildren(...["leaseQueue", "holder", "stateQueue", "writer", "readers", "leader", "op", "log", "failed",
    "table", "free", "taken", "poisoned"].map(name => row(name, s[name], b[name])));
  const all = $("all").checked, parts = [];
  for (const g of [...view.groups, ""]) {
    const mine = view.choices.filter(c => c.group === g), able = mine.filter(c => !c.guard);
    if (!able.length && !all) continue;
    const part = element("div", { class: "who" }, element("b", {}, g || "all"),
      ...able.map(c => element("button", { class: "do", "data-step": c.step, onclick: () => { ending = null; call("perform", c.step); } }, short(c.step))));
    if (all) {
      part.append(element("div", { class: "forbidden" }, ...mine.filter(c => c.guard).map(c =>
        element("div", {}, element("code", {}, c.step), " needs ", element("code", {}, c.guard)))));
    }
    parts.push(part);
  }
  $("choices").replaceChildren(...parts);
  $("steps").replaceChildren(...["(the beginning)", ...view.steps].map((text, i) => element("button", {
    "aria-current": i === view.at, class: view.firstBroken && i === view.firstBroken ? "bad" : "",
    onclick: () => call("go", String(i)) }, i + "  " + text)));
  const current = $("steps").querySelector("[aria-current=true]");
  if (current) $("steps").scrollTop = current.offsetTop - $("steps").offsetTop - 80;
  if (picture && view.at > 0) picture.select(view.at - 1);
  $("undo").disabled = view.at === 0;
  $("redo").disabled = view.at === view.steps.length;
  for (const box of $("guards").querySelectorAll("input")) box.checked = view.off.includes(box.value);
}
// short is a step without what its row says already.
const short = step => step.replace(/\(g\d+\)$/, "").replace(/\(g\d+, /, "(");

const settings = () => JSON.stringify({ groups: +$("groups").value, initial: Math.max(1, Math.min(+$("groups").value, 2)), maxLog: 2,
  off: [...$("guards").querySelectorAll("input:checked")].map(x => x.value) });

function loadMistake(name) {
  const m = facts.mistakes.find(m => m.name === name);
  if (!m) return;
  $("mistake").value = name;
  if (call("load", JSON.stringify({ config: m.config, steps: m.steps }))) {
    ending = m.ending || null;
    say(false, name + ": " + m.shows + " " + m.steps.length + " steps lead to it: go through them with “next”.");
  }
}

// readTrace turns the lines of a recorded trace into a behaviour.
function readTrace(text) {
  const lines = text.trim().split("\n").map(l => JSON.parse(l)), head = lines[0];
  if (head.format !== "lockstep-trace") throw new Error("not a trace of lockstep");
  const features = facts.features.reduce((bits, name, i) => head.features.includes(name) ? bits | 1 << i : bits, 0);
  const steps = lines.slice(1).filter(l => l.action).map(l => l.action + (!l.group ? "" : "(" + l.group +
    (l.child ? ", " + l.child : "") + (l.op ? ", <<\"" + l.op + "\", " + l.tag + ">>" : "") + ")"));
  return { config: { Groups: head.groups, Initial: head.initial, MaxLog: head.maxLog, Batch: head.batch,
    MaxTable: head.maxTable, Features: features }, steps };
}

function loadTrace(text) {
  const behaviour = readTrace(text);
  ending = null;
  if (behaviour.steps.length > facts.maxSteps) behaviour.steps.length = facts.maxSteps;
  return call("load", JSON.stringify(behaviour));
}

function lockstepReady() {
  for (const g of facts.guards) {
    $("guards").append(element("label", {}, element("input", { type: "checkbox", value: g.name, onchange: () => {
      ending = null;
      call("off", JSON.stringify([...$("guards").querySelectorAll("input:checked")].map(x => x.value)));
    } }), element("div", {}, g.name + " ", element("span", {}, g.shows))));
  }
  for (const m of facts.mistakes) $("mistake").append(element("option", { value: m.name }, m.name + ": " + m.property));
  $("undo").onclick = () => call("go", String(view.at - 1));
  $("redo").onclick = () => call("go", String(view.at + 1));
  $("reset").onclick = $("groups").onchange = () => { ending = null; call("new", settings()); };
  $("all").onchange = draw;
  $("mistake").onchange = event => loadMistake(event.target.value);
  $("trace").onchange = async event => {
    try {
      loadTrace(await event.target.files[0].text());
    } catch (error) {
      say(true, "This file cannot be read: " + error.message);
    }
  };
  $("random").onclick = () => {
    for (let i = 0; i < 20; i++) {
      const able = view.choices.filter(c => !c.guard);
      if (!able.length || !call("perform", able[Math.floor(Math.random() * able.length)].step)) break;
    }
  };
  call("view");
  const wanted = decodeURIComponent(location.hash.slice(1));
  if (wanted) loadMistake(wanted);
  document.body.dataset.ready = "true";
}

(async () => {
  try {
    const bytes = Uint8Array.from(atob($("program").textContent.trim()), c => c.charCodeAt(0));
    const plain = new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")));
    const go = new Go();
    const { instance } = await WebAssembly.instantiate(await plain.arrayBuffer(), go.importObject);
    go.run(instance);
  } catch (error) {
    say(true, "The protocol could not be loaded: " + error.message);
  }
})();
