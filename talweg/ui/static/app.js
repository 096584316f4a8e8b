"use strict";

// One page, one state: which run is chosen. Everything else is asked of the server.
const at = (id) => document.getElementById(id);
let run = null;
let asked = 0; // answers that come back after a newer question are dropped

async function call(address, options) {
  const answer = await fetch(address, options);
  if (!answer.ok) {
    const told = await answer.json().catch(() => ({}));
    throw new Error(typeof told.detail === "string" ? told.detail : `the server said ${answer.status}`);
  }
  return answer;
}

const address = (what) => `/api/runs/${encodeURIComponent(run.name)}/${what}`;

async function listRuns() {
  const told = await (await call("/api/runs")).json();
  at("folder").textContent = `runs in ${told.folder}`;
  at("none").hidden = told.runs.length > 0;
  at("runs").replaceChildren(...told.runs.map(entry));
  const first = told.runs.find((r) => !r.fault);
  if (first) choose(first);
}

function entry(about) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.run = about.name;
  button.textContent = about.name;
  const small = document.createElement("small");
  small.textContent = about.fault ? about.fault : `${about.recipe}: ${about.model} on ${about.data}`;
  if (about.fault) small.className = "fault";
  button.append(small);
  button.disabled = Boolean(about.fault);
  button.addEventListener("click", () => choose(about));
  item.append(button);
  return item;
}

function choose(about) {
  run = about;
  leave();
  for (const button of at("runs").querySelectorAll("button")) {
    button.setAttribute("aria-current", String(button.dataset.run === run.name));
  }
  at("use").hidden = false;
  at("title").textContent = run.name;
  at("about").textContent = `${run.recipe}: ${run.model} on ${run.data}. `;
  const report = document.createElement("a");
  report.href = address("report");
  report.target = "_blank";
  report.textContent = "Report of its training";
  at("about").append(report);
  const classifies = run.recipe === "classify";
  at("drawing").hidden = !classifies;
  at("filebox").hidden = !run.predicts || run.takes === "text";
  at("filelabel").textContent = run.takes === "sound" ? "A sound file" : "An image file";
  at("file").accept = run.takes === "sound" ? "audio/*" : "image/*";
  at("file").value = "";
  at("textbox").hidden = !run.predicts || run.takes !== "text";
  at("predict").hidden = !run.predicts || (classifies && run.takes === "image");
  at("generate").hidden = !run.generates;
  at("watch").hidden = !run.watched;
  at("form").replaceChildren(...run.options.map(field));
  at("status").className = "soft";
  at("status").textContent = run.predicts || run.generates ? (classifies ? "Draw a digit, or choose a picture." : "") :
    "There is nothing to ask this run here; its report shows what it learned.";
  forget();
  wipe();
}

function field(option) {
  const label = document.createElement("label");
  label.textContent = option.name.replaceAll("_", " ");
  label.title = option.help;
  const long = option.name === "prompt";
  const input = document.createElement(long ? "textarea" : "input");
  input.name = option.name;
  if (option.kind === "switch") {
    input.type = "checkbox";
    input.checked = Boolean(option.default);
  } else {
    if (!long) input.type = option.kind === "integer" || option.kind === "number" ? "number" : "text";
    if (option.kind === "number") input.step = "any";
    input.placeholder = option.default === null ? "" : String(option.default).trim();
  }
  label.append(input);
  return label;
}

function given() {
  const found = {};
  for (const input of at("form").elements) {
    if (input.type === "checkbox") found[input.name] = input.checked;
    else if (input.value !== "") found[input.name] = input.value;
  }
  return found;
}

function forget() {
  at("bars").replaceChildren();
  at("layers").replaceChildren();
  at("words").hidden = at("picture").hidden = at("reading").hidden = at("denoising").hidden = true;
}

function hold(is) {
  for (const id of ["predict", "generate", "watch"]) at(id).disabled = is;
}

// Nobody waits any more for what was asked last.
function leave() {
  asked += 1;
  hold(false);
}

async function busy(what, work) {
  const mine = (asked += 1);
  at("status").className = "soft";
  at("status").textContent = what;
  hold(true);
  try {
    await work(() => mine === asked);
    if (mine === asked) at("status").textContent = "";
  } catch (error) {
    if (mine === asked) {
      at("status").className = "fault";
      at("status").textContent = error.message;
    }
  } finally {
    if (mine === asked) hold(false);
  }
}

function show(answer) {
  forget();
  at("words").textContent = answer.text;
  at("words").hidden = !answer.text;
  if (answer.picture) {
    at("picture").src = answer.picture;
    at("picture").hidden = false;
  }
}

// --- Classification: probabilities as bars, and what the layers made of the picture.
function look(blob) {
  return busy("Looking...", async (mine) => {
    const answer = await (await call(address("activations"), { method: "POST", body: blob })).json();
    if (!mine()) return;
    forget();
    const ranked = Object.entries(answer.probabilities).sort((a, b) => b[1] - a[1]);
    // Ten classes stay where they are while one draws; of more, the ten most probable are shown.
    const shown = ranked.length > 10 ? ranked.slice(0, 10) : answer.classes.map((c) => [c, answer.probabilities[c]]);
    at("bars").replaceChildren(...shown.map((pair) => bar(pair, pair[0] === ranked[0][0])));
    at("layers").replaceChildren(
      layer({ name: "what the network reads", picture: answer.input, shape: [] }), ...answer.layers.map(layer));
  });
}

function bar([name, probability], first) {
  const line = document.createElement("div");
  line.className = first ? "bar first" : "bar";
  const label = document.createElement("span");
  label.textContent = name;
  const meter = document.createElement("meter");
  meter.value = probability;
  const number = document.createElement("span");
  number.textContent = `${(100 * probability).toFixed(1)} %`;
  line.append(label, meter, number);
  return line;
}

function layer(about) {
  const figure = document.createElement("div");
  const name = document.createElement("h3");
  name.textContent = about.shape.length ? `${about.name}  ${about.shape.join(" × ")}` : about.name;
  const image = document.createElement("img");
  image.src = about.picture;
  image.alt = `maps of ${about.name}`;
  figure.append(name, image);
  return figure;
}

// --- Drawing: dark ink on a white page; looked at while the pen moves, at most one question at a time.
const canvas = at("canvas");
const pen = canvas.getContext("2d");
let last = null;
let inked = false;
let waiting = false;

function wipe() {
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  inked = false;
}

function place(event) {
  const box = canvas.getBoundingClientRect();
  return [(event.clientX - box.left) * canvas.width / box.width, (event.clientY - box.top) * canvas.height / box.height];
}

function stroke(event) {
  if (last === null) return;
  const next = place(event);
  pen.strokeStyle = "#111";
  pen.lineWidth = 22;
  pen.lineCap = pen.lineJoin = "round";
  pen.beginPath();
  pen.moveTo(...last);
  pen.lineTo(...next);
  pen.stroke();
  last = next;
  inked = true;
  soon();
}

function soon() {
  if (waiting) return;
  waiting = true;
  const drawnFor = run;
  setTimeout(async () => {
    if (inked && run === drawnFor) await new Promise((done) => canvas.toBlob(async (blob) => { await look(blob); done(); }));
    waiting = false;
  }, 150);
}

canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  last = place(event);
  stroke(event);
});
canvas.addEventListener("pointermove", stroke);
canvas.addEventListener("pointerup", () => { last = null; setTimeout(soon, 200); });
at("clear").addEventListener("click", () => { wipe(); leave(); forget(); at("status").textContent = ""; });

// --- Files, texts, and what is made anew.
at("file").addEventListener("change", () => {
  const file = at("file").files[0];
  if (file && run.recipe === "classify") look(file);
});

at("predict").addEventListener("click", () => {
  const file = run.takes === "text" ? new Blob([at("text").value]) : at("file").files[0];
  if (!file || file.size === 0) {
    at("status").textContent = run.takes === "text" ? "Write a text first." : "Choose a file first.";
    return;
  }
  const suffix = file.name && file.name.includes(".") ? file.name.slice(file.name.lastIndexOf(".")).toLowerCase() : "";
  const query = new URLSearchParams({ options: JSON.stringify(given()), suffix });
  busy("Working...", async (mine) => {
    const answer = await (await call(`${address("predict")}?${query}`, { method: "POST", body: file })).json();
    if (mine()) show(answer);
  });
});

at("generate").addEventListener("click", () => busy("Making...", async (mine) => {
  const answer = await call(address("generate"), { method: "POST", body: JSON.stringify(given()) });
  if (answer.headers.get("content-type").startsWith("application/json")) {
    const found = await answer.json();
    if (mine()) show(found);
    return;
  }
  if (!mine()) return answer.body.cancel();
  forget();
  at("words").textContent = "";
  at("words").hidden = false;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    if (!mine()) return reader.cancel(); // or it would be made to its end, and slow down what is asked now
    at("words").textContent += value;
  }
}));

wipe();
listRuns().catch((error) => {
  at("folder").className = "fault";
  at("folder").textContent = error.message;
});
