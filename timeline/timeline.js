// Draws timelines: showTimeline(element, data), with data as package counterexample writes it. Lanes stay in view, and
// the time axis is scrolled and zoomed inside of the element, never the page.
"use strict";
function showTimeline(root, data, classes) {
  const LANE = 24, TOP = 22, GUTTER = 88, MINI = 4;
  const make = (tag, attributes, ...children) => {
    const e = document.createElement(tag);
    for (const [k, v] of Object.entries(attributes || {})) {
      if (k.startsWith("on")) e.addEventListener(k.slice(2), v); else e.setAttribute(k, v);
    }
    e.append(...children);
    return e;
  };
  const n = Math.max(data.events.length, 1);
  const state = { from: 0, to: n, at: -1, hidden: new Set(), query: "", action: "" };
  const means = Object.fromEntries(classes.map(c => [c.name, c.means]));

  const names = [...new Set(data.events.map(e => e.a.split("(")[0]))].sort();
  const select = make("select", { "aria-label": "show only one action" },
    make("option", { value: "" }, "all actions"), ...names.map(x => make("option", { value: x }, x)));
  const search = make("input", { type: "search", placeholder: "search: Commit, g2 …", "aria-label": "search actions" });
  const found = make("span", { class: "tl-found", "aria-live": "polite" });
  const canvas = make("canvas", { tabindex: "0", role: "img", "aria-label": "timeline: " + data.title });
  const slide = make("input", { type: "range", class: "tl-slide", min: "0", max: "1000", value: "0",
    "aria-label": "scroll the timeline" });
  const detail = make("div", { class: "tl-detail", "aria-live": "polite" });
  const groups = make("span", { class: "tl-groups" });
  const button = (text, title, f) => make("button", { type: "button", title, "aria-label": title, onclick: f }, text);
  root.classList.add("tl");
  root.replaceChildren(
    make("div", { class: "tl-bar" },
      button("−", "zoom out", () => zoom(2)), button("+", "zoom in", () => zoom(0.5)),
      button("all", "show everything", () => { state.from = 0; state.to = n; draw(); }),
      button("‹", "action before", () => select1(state.at - 1)), button("›", "next action", () => select1(state.at + 1)),
      select, search, button("find", "next action that fits", () => find(1)), found, groups),
    canvas, slide, detail,
    make("div", { class: "tl-legend" }, ...classes.filter(c => data.lanes.some(l => l.spans.some(s => s.c === c.name)))
      .map(c => { const i = make("i"); i.style.background = "var(--c-" + c.name + ")"; return make("span", {}, i, c.means); })));

  data.lanes.forEach((lane, i) => {
    if (lane.group < 0) return;
    const box = make("input", { type: "checkbox", onchange: () => {
      if (box.checked) state.hidden.delete(i); else state.hidden.add(i);
      draw();
    } });
    box.checked = true;
    groups.append(make("label", {}, box, " " + lane.name));
  });

  const visible = () => data.lanes.map((_, i) => i).filter(i => !state.hidden.has(i));
  const color = name => getComputedStyle(root).getPropertyValue(name).trim() || "#888";
  const clampView = () => {
    const width = Math.min(Math.max(state.to - state.from, Math.min(10, n)), n);
    state.from = Math.min(Math.max(state.from, 0), n - width);
    state.to = state.from + width;
  };
  function zoom(factor, around) {
    const middle = around ?? (state.at >= state.from && state.at < state.to ? state.at : (state.from + state.to) / 2);
    const width = (state.to - state.from) * factor;
    const share = (middle - state.from) / (state.to - state.from);
    state.from = middle - width * share;
    state.to = state.from + width;
    draw();
  }
  const fits = e => (!state.action || e.a.split("(")[0] === state.action) &&
    (!state.query || e.a.toLowerCase().includes(state.query));
  function find(step) {
    const hits = data.events.filter(fits).length;
    if (!hits) { found.textContent = "none"; return; }
    for (let k = 1; k <= n; k++) {
      const i = ((state.at + step * k) % n + n) % n;
      if (fits(data.events[i])) { select1(i); break; }
    }
    found.textContent = hits + (hits === 1 ? " fits" : " fit");
  }
  function select1(i) {
    if (!data.events.length) return;
    state.at = Math.min(Math.max(i, 0), data.events.length - 1);
    if (state.at < state.from || state.at >= state.to) {
      const width = state.to - state.from;
      state.from = state.at - width / 2;
      state.to = state.from + width;
    }
    describe();
    draw();
  }
  function describe(lane) {
    const e = data.events[state.at];
    if (!e) {
      detail.textContent = (data.note || data.events.length + " actions") + ". Choose a place, or search.";
      return;
    }
    const time = e.t ? " at " + (e.t / 1000).toFixed(3) + " ms" : "";
    const lines = [make("div", {}, (state.at + 1) + " of " + data.events.length + time + ": ", make("code", {}, e.a))];
    const about = lane === undefined ? [e.l] : [lane];
    for (const i of about) {
      const s = i >= 0 && spanAt(i, state.at);
      if (s) lines.push(make("div", {}, data.lanes[i].name + ": " + s.s));
    }
    for (const w of data.waits) {
      if (w.at === state.at) {
        lines.push(make("div", {}, data.lanes[w.to].name + " had waited for " + data.lanes[w.from].name +
          ", which had " + w.what));
      }
    }
    detail.replaceChildren(...lines);
  }
  const spanAt = (i, x) => {
    let best = null;
    for (const s of data.lanes[i].spans) if (s.f <= x && (x < s.t || s.f === s.t && s.f === x)) best = s;
    return best;
  };

  let scale = 1;
  function draw() {
    clampView();
    const lanes = visible(), width = root.clientWidth, height = TOP + lanes.length * LANE + 6;
    if (!width) return;
    const ratio = window.devicePixelRatio || 1;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    canvas.style.height = height + "px";
    const c = canvas.getContext("2d");
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.clearRect(0, 0, width, height);
    scale = (width - GUTTER - 8) / (state.to - state.from);
    const x = i => GUTTER + (i - state.from) * scale;
    const ink = color("--ink"), soft = color("--soft"), line = color("--line");
    c.font = "12px system-ui, sans-serif";
    c.textBaseline = "middle";
    let step = 1;
    while (step * scale < 64) step *= step.toString()[0] === "2" ? 2.5 : 2;
    c.fillStyle = soft;
    for (let i = Math.ceil(state.from / step) * step; i < state.to; i += step) {
      c.strokeStyle = line;
      c.beginPath(); c.moveTo(x(i), TOP - 4); c.lineTo(x(i), height); c.stroke();
      if (x(i) < width - 34) c.fillText(String(i + 1), x(i) + 2, TOP / 2);
    }
    c.save();
    c.beginPath(); c.rect(GUTTER, 0, width - GUTTER - 8, height); c.clip();
    lanes.forEach((i, row) => {
      const y = TOP + row * LANE;
      for (const s of data.lanes[i].spans) {
        if (s.c === "commit" || s.t < state.from || s.f > state.to) continue;
        const a = x(s.f), b = Math.max(x(s.t), a + 1);
        const thin = s.c === "park";
        c.fillStyle = color("--c-" + s.c);
        c.fillRect(a, y + (thin ? LANE / 2 - 2 : 4), b - a, thin ? MINI : LANE - 8);
        if (s.t - s.f > 0 && b - a > 110 && !thin) label(c, s, a, b, y);
      }
      for (const s of data.lanes[i].spans) {
        if (s.c !== "commit" || s.f < state.from || s.f > state.to) continue;
        c.fillStyle = color("--c-commit");
        c.fillRect(x(s.f) - 1, y + 1, 3, LANE - 2);
      }
    });
    if (scale > 3) waits(c, lanes, x);
    if (state.query || state.action) {
      c.fillStyle = color("--warn");
      data.events.forEach((e, i) => {
        const row = lanes.indexOf(e.l);
        if (i >= state.from && i < state.to && row >= 0 && fits(e)) {
          c.fillRect(x(i), TOP + row * LANE + 1, Math.max(2, Math.min(scale, 4)), 3);
        }
      });
    }
    if (state.at >= 0) {
      c.strokeStyle = ink;
      c.setLineDash([3, 3]);
      c.beginPath(); c.moveTo(x(state.at) + .5, TOP - 4); c.lineTo(x(state.at) + .5, height); c.stroke();
      c.setLineDash([]);
    }
    c.restore();
    c.fillStyle = ink;
    lanes.forEach((i, row) => c.fillText(data.lanes[i].name, 8, TOP + row * LANE + LANE / 2));
    slide.value = n === state.to - state.from ? 0 : 1000 * state.from / (n - (state.to - state.from));
    slide.disabled = state.to - state.from >= n;
  }
  function label(c, s, a, b, y) {
    const left = Math.max(a, GUTTER) + 5, room = Math.min(b, root.clientWidth - 8) - left - 4;
    let text = s.s;
    if (room < 40) return;
    if (c.measureText(text).width > room) {
      while (text && c.measureText(text + "…").width > room) text = text.slice(0, -1);
      if (text.length < 8) return;
      text += "…";
    }
    c.fillStyle = readable(color("--c-" + s.c));
    c.fillText(text, left, y + LANE / 2);
  }
  // readable is black or white, whichever is further from a color.
  function readable(hex) {
    const v = [1, 3, 5].map(i => parseInt(hex.slice(i, i + 2), 16) / 255).map(u => u <= .03928 ? u / 12.92 : ((u + .055) / 1.055) ** 2.4);
    return .2126 * v[0] + .7152 * v[1] + .0722 * v[2] > .22 ? "#111" : "#fff";
  }
  function waits(c, lanes, x) {
    c.strokeStyle = c.fillStyle = color("--warn");
    for (const w of data.waits) {
      const a = lanes.indexOf(w.from), b = lanes.indexOf(w.to);
      if (w.at < state.from || w.at > state.to || a < 0 || b < 0) continue;
      const u = x(w.at), y1 = TOP + a * LANE + LANE / 2, y2 = TOP + b * LANE + LANE / 2;
      c.beginPath(); c.moveTo(u, y1); c.lineTo(u, y2); c.stroke();
      const d = Math.sign(y2 - y1) * 5;
      c.beginPath(); c.moveTo(u, y2); c.lineTo(u - 4, y2 - d); c.lineTo(u + 4, y2 - d); c.fill();
    }
  }
  const place = event => {
    const box = canvas.getBoundingClientRect();
    const lane = visible()[Math.floor((event.clientY - box.top - TOP) / LANE)];
    return { x: state.from + (event.clientX - box.left - GUTTER) / scale, lane };
  };
  let drag = null;
  canvas.addEventListener("pointerdown", event => {
    drag = { x: event.clientX, from: state.from, moved: false };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", event => {
    if (drag && Math.abs(event.clientX - drag.x) > 4) {
      drag.moved = true;
      const width = state.to - state.from;
      state.from = drag.from - (event.clientX - drag.x) / scale;
      state.to = state.from + width;
      draw();
    }
  });
  canvas.addEventListener("pointerup", event => {
    if (drag && !drag.moved) {
      const p = place(event);
      state.at = Math.min(Math.max(Math.floor(p.x), 0), data.events.length - 1);
      describe(p.lane);
      draw();
    }
    drag = null;
  });
  canvas.addEventListener("wheel", event => {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      zoom(event.deltaY > 0 ? 1.25 : .8, place(event).x);
    } else if (event.deltaX || event.shiftKey) {
      event.preventDefault();
      const by = (event.deltaX || event.deltaY) / scale, width = state.to - state.from;
      state.from += by;
      state.to = state.from + width;
      draw();
    }
  }, { passive: false });
  canvas.addEventListener("keydown", event => {
    const keys = { ArrowLeft: () => select1(state.at - 1), ArrowRight: () => select1(state.at + 1),
      Home: () => select1(0), End: () => select1(n - 1), "+": () => zoom(.5), "-": () => zoom(2) };
    if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
  });
  slide.addEventListener("input", () => {
    const width = state.to - state.from;
    state.from = slide.value / 1000 * (n - width);
    state.to = state.from + width;
    draw();
  });
  select.addEventListener("change", () => { state.action = select.value; find(1); draw(); });
  search.addEventListener("input", () => { state.query = search.value.trim().toLowerCase(); if (state.query) find(1); else { found.textContent = ""; draw(); } });
  search.addEventListener("keydown", event => { if (event.key === "Enter") find(event.shiftKey ? -1 : 1); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  new ResizeObserver(draw).observe(root);
  describe();
  if (data.events.length > 160) state.to = Math.min(n, Math.max(60, Math.floor(root.clientWidth / 8) || 60));
  draw();
  return { select: select1, data };
}
function showTimelines() {
  const classes = JSON.parse(document.getElementById("tl-classes").textContent);
  for (const e of document.querySelectorAll("[data-timeline]")) {
    const data = JSON.parse(document.getElementById(e.dataset.timeline).textContent);
    if (e.closest("details:not([open])")) {
      e.closest("details").addEventListener("toggle", () => showTimeline(e, data, classes), { once: true });
    } else {
      showTimeline(e, data, classes);
    }
  }
}
if (document.getElementById("tl-classes")) showTimelines();
