// Plays on the page as a reader would, and sends what it has found to page_test.go.
(async () => {
  const found = [];
  const expect = (what, is) => { if (!is) found.push(what + ": " + document.getElementById("verdict").textContent); };
  const until = async f => { while (!f()) await new Promise(r => setTimeout(r, 5)); };
  const click = step => {
    const button = [...document.querySelectorAll("#choices button")].find(b => b.dataset.step === step);
    if (!button) { found.push("no button " + step); return; }
    button.click();
  };
  const good = () => !document.getElementById("verdict").classList.contains("bad");
  await until(() => document.body.dataset.ready);
  expect("not loaded", document.body.dataset.ready === "true");

  const ten = ["RequestLease(g1)", "GrantLease(g1)", "RequestState(g1)", "LockState(g1)", 'Work(g1, <<"LoadModules", 1>>)',
    "Publish(g1)", "Arrive(g2)", "Broadcast(g1)", "Apply(g2)", "Commit(g1)"];
  ten.forEach((step, i) => {
    click(step);
    expect("after " + step, good() && view.at === i + 1 && view.steps[i] === step);
  });
  expect("nothing is in the log", document.getElementById("shared").textContent.includes("LoadModules"));
  expect("no picture", document.querySelector("#picture canvas").height > 50);

  document.getElementById("all").click();
  const forbidden = document.getElementById("choices").textContent;
  expect("no guard forbids Commit", forbidden.includes('Commit(g1) needs stage[g] = "Replaying"'));
  document.getElementById("all").click();
  document.getElementById("undo").click();
  expect("not back", view.at === 9 && view.steps.length === 10);

  document.getElementById("reset").click();
  const guard = document.querySelector('#guards input[value="SecondEpoch"]');
  guard.click();
  expect("the guard is not off", view.off.join() === "SecondEpoch");
  for (const step of ten.filter(s => !s.startsWith("Apply"))) click(step);
  expect("CommitAfterAll is not broken", !good() && view.broken.includes("CommitAfterAll") &&
    document.getElementById("verdict").textContent.includes("The log grows only after every participant has applied"));
  guard.click();
  expect("the guard is not on", view.off.length === 0);

  for (const m of facts.mistakes) {
    loadMistake(m.name);
    expect(m.name + " is not loaded", good() && view.at === 0 && view.steps.length === m.steps.length);
    while (view.at < view.steps.length) document.getElementById("redo").click();
    expect(m.name + " ends well", !good());
  }

  expect("the trace is not loaded", loadTrace(document.getElementById("recorded").textContent) && view.steps.length === 10 && view.groups.length < 8);
  for (let i = 0; i < 10; i++) document.getElementById("redo").click();
  expect("the trace ends badly", good() && view.at === 10);

  document.getElementById("reset").click();
  for (let i = 0; i < 5; i++) document.getElementById("random").click();
  expect("steps by chance break something", good() || view.stuck || view.ended);
  expect("the page scrolls sideways", document.documentElement.scrollWidth <= document.documentElement.clientWidth);
  await fetch("/result", { method: "POST", body: found.length ? found.join("\n") : "all is well" });
})().catch(error => fetch("/result", { method: "POST", body: String(error.stack) }));
