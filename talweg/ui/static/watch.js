"use strict";

// Watching: a text token by token with what each of them read, and a picture on its way out of the noise.
// What app.js has is used: at, call, address, run, given, busy, forget, bar.

at("watch").addEventListener("click", () => (run.watched === "text" ? watchText() : watchDenoising()));

// --- A text. `read[i]` holds layers x heads x i bytes: how much of each token before it token i read.
let text = null; // {layers, heads, tokens: [{piece, made, probability, candidates, read}]}
let shown = 0;
let pinned = false; // while somebody points at a token, new ones do not take the frame

function watchText() {
  busy("Writing...", async (mine) => {
    const answer = await call(address("watch"), { method: "POST", body: JSON.stringify(given()) });
    if (!mine()) return answer.body.cancel();
    forget();
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      if (!mine()) return reader.cancel();
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) heard(JSON.parse(line));
    }
  });
}

function heard(line) {
  if (line.fault) throw new Error(line.fault);
  if (line.layers) begin(line);
  else {
    const bytes = Uint8Array.from(atob(line.read), (c) => c.charCodeAt(0));
    text.tokens.push({ ...line, read: bytes });
  }
  at("tokens").append(token(text.tokens.length - 1));
  if (!pinned) frame(text.tokens.length - 1);
  drawHeat();
}

function begin(line) {
  text = { layers: line.layers, heads: line.heads, tokens: [{ piece: line.piece, candidates: [] }] };
  pinned = false;
  at("tokens").replaceChildren();
  for (const [id, count] of [["layer", text.layers], ["head", text.heads]]) {
    const numbers = Array.from({ length: count }, (_, i) => new Option(String(i + 1), String(i)));
    at(id).replaceChildren(new Option("mean of all", ""), ...numbers);
  }
  at("layer").value = String(text.layers - 1);
  at("reading").hidden = false;
  at("reading").scrollIntoView({ block: "nearest" });
}

function token(i) {
  const span = document.createElement("span");
  span.textContent = text.tokens[i].piece.replace("\n", "\u21b5\n") || "\ufffd";
  if (text.tokens[i].made) span.className = "made";
  span.addEventListener("pointerenter", () => { pinned = true; frame(i); drawHeat(); });
  return span;
}

// Shares in [0, 1] of the i tokens before token i, by the chosen layer and head or the mean over them.
function shares(i) {
  const { layers, heads } = text;
  const { read } = text.tokens[i];
  const found = new Float64Array(i);
  if (!read) return found;
  const chosen = (id, count) => (at(id).value === "" ? Array.from({ length: count }, (_, k) => k) : [Number(at(id).value)]);
  const [ofLayers, ofHeads] = [chosen("layer", layers), chosen("head", heads)];
  for (const l of ofLayers) {
    for (const h of ofHeads) {
      for (let j = 0; j < i; j += 1) found[j] += read[(l * heads + h) * i + j] / 255 / ofLayers.length / ofHeads.length;
    }
  }
  return found;
}

function frame(i) {
  shown = i;
  const found = shares(i);
  Array.from(at("tokens").children, (span, j) => {
    span.classList.toggle("framed", j === i);
    span.style.setProperty("--share", j < i ? String(Math.round(100 * Math.sqrt(Math.min(1, found[j])))) : "0");
    span.title = j < i ? `${(100 * found[j]).toFixed(1)} % of what was read` : "";
  });
  const { candidates, piece } = text.tokens[i];
  const bars = candidates.map(([name, p]) => bar([visible(name), p], name === piece));
  at("candidates").replaceChildren(...bars);
  if (!bars.length) at("candidates").textContent = "The text begins here: nothing was read before.";
}

const visible = (piece) => (piece === " " ? "space" : piece === "\n" ? "new line" : piece.replaceAll(" ", "\u00b7") || "\ufffd");

// The map: line i holds what token i read, the framed line is marked at its side.
function drawHeat() {
  const canvas = at("heat");
  const n = text.tokens.length;
  const cell = Math.max(2, Math.min(16, Math.floor(448 / n)));
  canvas.width = canvas.height = n * cell;
  const brush = canvas.getContext("2d");
  const colour = getComputedStyle(document.documentElement).getPropertyValue("--mark");
  brush.fillStyle = colour;
  for (let i = 1; i < n; i += 1) {
    const found = shares(i);
    for (let j = 0; j < i; j += 1) {
      brush.globalAlpha = Math.sqrt(Math.min(1, found[j]));
      brush.fillRect(j * cell, i * cell, cell, cell);
    }
  }
  brush.globalAlpha = 1;
  brush.strokeStyle = getComputedStyle(document.documentElement).getPropertyValue("--ink");
  brush.strokeRect(0.5, shown * cell + 0.5, Math.max(1, shown) * cell, cell - 1);
}

at("tokens").addEventListener("pointerleave", () => { pinned = false; });
at("tokens").addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!step || !text) return;
  event.preventDefault();
  pinned = true;
  frame(Math.min(Math.max(shown + step, 0), text.tokens.length - 1));
  drawHeat();
});
at("heat").addEventListener("pointermove", (event) => {
  const box = at("heat").getBoundingClientRect();
  pinned = true;
  frame(Math.min(text.tokens.length - 1, Math.max(0, Math.floor((event.clientY - box.top) / box.height * text.tokens.length))));
  drawHeat();
});
for (const id of ["layer", "head"]) at(id).addEventListener("change", () => { frame(shown); drawHeat(); });

// --- A denoising: all its moments come at once, the slider goes through them.
let course = null; // {steps, moments: [{done, time, kept, noisy, clean}]}
let playing = null;

function watchDenoising() {
  busy("Taking the noise away...", async (mine) => {
    const found = await (await call(address("denoise"), { method: "POST", body: JSON.stringify(given()) })).json();
    if (!mine()) return;
    forget();
    course = found;
    at("step").max = String(course.moments.length - 1);
    at("denoising").hidden = false;
    moment(0);
    at("denoising").scrollIntoView({ block: "nearest" });
    play();
  });
}

function moment(i) {
  const { done, time, kept, noisy, clean } = course.moments[i];
  at("step").value = String(i);
  at("noisy").src = noisy;
  at("clean").src = clean;
  const mixed = time === null ? "no noise is left" :
    `t = ${time}, x\u209c = ${Math.sqrt(kept).toFixed(2)} x\u2080 + ${Math.sqrt(1 - kept).toFixed(2)} noise`;
  at("moment").textContent = `After ${done} of ${course.steps} steps: ${mixed}`;
}

function play() {
  if (playing !== null) return pause();
  if (Number(at("step").value) === course.moments.length - 1) moment(0);
  at("play").textContent = "Pause";
  playing = setInterval(() => {
    const next = Number(at("step").value) + 1;
    if (next >= course.moments.length || at("denoising").hidden) pause();
    else moment(next);
  }, 60);
}

function pause() {
  clearInterval(playing);
  playing = null;
  at("play").textContent = "Play";
}

at("play").addEventListener("click", play);
at("step").addEventListener("input", () => { if (playing !== null) pause(); moment(Number(at("step").value)); });
