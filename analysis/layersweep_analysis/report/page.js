"use strict";
// The texts of the page: unpacks them, finds and orders them, shows one as a grid of layers or as running text.
(async () => {
  const $ = (id) => document.getElementById(id);

  // --- colours: the reader's choice for this visit ---
  $("theme").addEventListener("change", (event) => {
    if (event.target.value) document.documentElement.dataset.theme = event.target.value;
    else delete document.documentElement.dataset.theme;
  });

  // --- data: see pack.py ---
  async function unpack() {
    const packed = Uint8Array.from(atob($("pack").textContent.trim()), (c) => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    const bytes = await new Response(stream).arrayBuffer();
    const length = new DataView(bytes).getUint32(0, true);
    const { arrays, content } = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, length)));
    const types = { Uint8Array, Int8Array, Uint16Array, Int32Array, Float32Array };
    const views = arrays.map(([type, offset, size]) => new types[type](bytes, 4 + length + offset, size));
    const resolve = (value) => {
      if (Array.isArray(value)) return value.map(resolve);
      if (value === null || typeof value !== "object") return value;
      if ("array" in value) return views[value.array];
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, resolve(inner)]));
    };
    return resolve(content);
  }

  let corpora;
  try {
    corpora = (await unpack()).corpora;
  } catch (error) {
    $("texts-message").textContent = "The texts could not be unpacked: " + error.message;
    return;
  }
  for (const corpus of corpora) prepare(corpus);

  function prepare(corpus) {
    const examples = corpus.counts.length, points = corpus.points.length;
    corpus.starts = new Int32Array(examples);
    for (let e = 1; e < examples; e++) corpus.starts[e] = corpus.starts[e - 1] + corpus.counts[e - 1];
    corpus.total_tokens = corpus.tokens.length;
    corpus.texts = corpus.ids.map((_, e) => plain_text(corpus, e));
    corpus.search = corpus.texts.map((text, e) => (text + " " + corpus.ids[e]).toLowerCase());
    corpus.lengths = { points, examples };
  }

  function spelled(corpus, t) {
    return corpus.vocabulary[corpus.tokens[t]];
  }
  function piece(corpus, t) {
    const text = spelled(corpus, t);
    return text.startsWith("##") && !corpus.spaces[t] ? text.slice(2) : text;
  }
  function plain_text(corpus, e) {
    let text = "";
    for (let t = corpus.starts[e], end = t + corpus.counts[e]; t < end; t++) {
      if (corpus.parts[t] === 0) { if (text) text += " "; continue; }
      text += (corpus.spaces[t] && text && !text.endsWith(" ") ? " " : "") + piece(corpus, t);
    }
    return text.trim();
  }

  // --- shades: 0 … 1 of a token at a point; NaN where missing; negative for tokens that speak against ---
  function shade(corpus, source, point, t) {
    const value = source.shades[point * corpus.total_tokens + t];
    if (source.signed) return value === -128 ? NaN : value / 100;
    return value === 255 ? NaN : value / 200;
  }
  const is_kept = (source, value) => !source.signed && value > 0.5;
  // What is dropped stays pale and what is kept dark: a gate of 0.49 is not half kept.
  const tone = (source, value) => (source.signed ? Math.abs(value) : value > 0.5 ? 0.4 + 0.6 * value : 0.5 * value) || 0;
  const percent = (value) => (Number.isNaN(value) ? "–" : Math.round(100 * value) + "\u00a0%");
  // As the tables of the page write a divergence: digits that tell.
  const nats = (value) => (Number.isNaN(value) ? "–" : value >= 0.01 ? value.toFixed(2) : value >= 0.0005 ? value.toFixed(3) : "0");
  // Never 50 for what is dropped and 51 for what is kept, whatever rounding says.
  const digits = (source, value) => (Number.isNaN(value) ? "" : String(is_kept(source, value) ? Math.ceil(100 * value) : Math.floor(100 * value)));

  // --- state ---
  const state = { corpus: corpora[0], example: 0, source: 0, layer: -1, token: null, found: [], shown: 0 };
  const PAGE = 60;

  function keep_share(corpus, source, e) {
    const points = corpus.points.length;
    let kept = 0;
    for (let p = 0; p < points; p++) {
      for (let t = corpus.starts[e], end = t + corpus.counts[e]; t < end; t++) kept += is_kept(source, shade(corpus, source, p, t));
    }
    return kept / (points * corpus.counts[e]);
  }
  function over_points(corpus, array, e, missing) {
    const examples = corpus.ids.length;
    let sum = 0, known = 0;
    for (let p = 0; p < corpus.points.length; p++) {
      const value = array[p * examples + e];
      if (value !== missing && !Number.isNaN(value)) { sum += value; known++; }
    }
    return known ? sum / known : -1;
  }
  function score_of(order) {
    const corpus = state.corpus;
    const source = corpus.sources[state.source].kl ? corpus.sources[state.source] : corpus.sources.find((s) => s.kl);
    if (order === "kl") return (e) => -over_points(corpus, source.kl, e);
    if (order === "flips") return (e) => -over_points(corpus, source.flipped, e, 255);
    if (order === "most") return (e) => -keep_share(corpus, source, e);
    if (order === "fewest") return (e) => keep_share(corpus, source, e);
    return null;
  }

  // --- finding ---
  function find() {
    const corpus = state.corpus;
    const words = $("query").value.toLowerCase().split(/\s+/).filter(Boolean);
    const split = $("split").value, only = $("only").value;
    let found = [];
    for (let e = 0; e < corpus.ids.length; e++) {
      if (split !== "" && corpus.split[e] !== Number(split)) continue;
      if (only === "wrong" && !(corpus.score[e] < 1)) continue;
      if (only === "right" && !(corpus.score[e] >= 1)) continue;
      if (words.every((word) => corpus.search[e].includes(word))) found.push(e);
    }
    const score = score_of($("order").value);
    if (score) {
      const scores = new Map(found.map((e) => [e, score(e)]));
      found.sort((a, b) => scores.get(a) - scores.get(b) || a - b);
    }
    state.found = found;
    state.shown = 0;
    $("list").replaceChildren();
    const held = corpus.ids.length, total = corpus.total;
    const scope = held < total ? ` of the ${held.toLocaleString("en")} in this page (the file has ${total.toLocaleString("en")})` : ` of ${total.toLocaleString("en")}`;
    $("count").textContent = found.length.toLocaleString("en") + scope;
    list_more();
  }
  function list_more() {
    const corpus = state.corpus;
    for (const e of state.found.slice(state.shown, state.shown + PAGE)) {
      const item = document.createElement("li");
      const button = make("button", { type: "button" });
      button.append(make("span", { className: "id" }, corpus.ids[e]), make("span", { className: "cut" }, corpus.texts[e]));
      button.dataset.number = e;
      button.addEventListener("click", () => show(e));
      item.append(button);
      $("list").append(item);
    }
    state.shown = Math.min(state.shown + PAGE, state.found.length);
    $("more").hidden = state.shown >= state.found.length;
    mark_current();
  }
  function mark_current() {
    for (const button of $("list").querySelectorAll("button")) {
      button.setAttribute("aria-current", String(Number(button.dataset.number) === state.example));
    }
  }

  // --- one text ---
  function make(tag, properties = {}, text) {
    const element = Object.assign(document.createElement(tag), properties);
    if (text !== undefined) element.textContent = text;
    return element;
  }

  // Those that are true of an object of names.
  const named = (classes) => Object.keys(classes).filter((name) => classes[name]).join(" ");

  function show(e) {
    const longer = state.corpus.counts[e] > 70;
    if (longer !== (state.corpus.counts[state.example] > 70) || state.fresh) $("shape").value = longer ? "text" : "grid";
    state.fresh = false;
    state.example = e;
    state.token = null;
    mark_current();
    draw();
  }

  function draw() {
    const corpus = state.corpus, e = state.example;
    $("reading-title").textContent = corpus.ids[e];
    $("verdict").textContent = verdict(corpus, e);
    const text = $("shape").value === "text";
    $("layer-label").hidden = !text;
    $("layer-name").textContent = state.layer < 0 ? "first layer that drops the token" : corpus.points[state.layer];
    $("layer").setAttribute("aria-valuetext", $("layer-name").textContent);
    $("view").replaceChildren(text ? running(corpus, e) : grid(corpus, e));
    $("key").textContent = key_text(text);
    draw_path();
  }

  function verdict(corpus, e) {
    const name = (c) => (c < 0 ? "none" : corpus.classes[c] ?? c);
    const split = corpus.splits[corpus.split[e]];
    if (corpus.gold_start) {
      const span = (from, to) => (from < 0 ? "none" : Array.from({ length: to - from + 1 }, (_, i) => corpus.starts[e] + from + i)
        .map((t) => (corpus.spaces[t] ? " " : "") + piece(corpus, t)).join("").trim());
      const answer = span(corpus.predicted_start[e], corpus.predicted_end[e]);
      return `${split}; answer given: “${span(corpus.gold_start[e], corpus.gold_end[e])}”, the model's: “${answer}” (F1\u00a0${percent(corpus.score[e])})`;
    }
    const right = corpus.score[e] >= 1 ? "right" : "wrong";
    return `${split}; label: ${name(corpus.labelled[e])}, the model says: ${name(corpus.predicted[e])} (${right})`;
  }

  function key_text(text) {
    const source = state.corpus.sources[state.source];
    if (source.signed) return "Shade: attribution relative to the largest of the text at this layer; red: against the prediction. Choose a token to see its path.";
    if (text && state.layer < 0) return "Stronger: needed up to a higher layer; bold: never dropped. Choose a token to see its path.";
    return "Number and shade: probability (in percent) that the token is kept; above 50 the hard mask keeps it. Choose a token to see its path.";
  }

  function token_button(corpus, t, n) {
    const button = make("button", { type: "button", tabIndex: n === (state.token ?? 0) ? 0 : -1 });
    button.dataset.token = n;
    button.setAttribute("aria-pressed", String(state.token === n));
    return button;
  }

  function grid(corpus, e) {
    const source = corpus.sources[state.source], start = corpus.starts[e], count = corpus.counts[e];
    const table = make("table", { className: "grid-table" });
    table.append(make("caption", { className: "hidden" }, `${source.label}: rows are layers, columns tokens of ${corpus.ids[e]}`));
    const head = make("tr");
    head.append(make("th", { scope: "col" }, ""));
    for (let n = 0; n < count; n++) {
      const cell = make("th", { scope: "col" });
      const button = token_button(corpus, start + n, n);
      button.textContent = spelled(corpus, start + n);
      cell.append(button);
      head.append(cell);
    }
    if (source.kl) for (const name of ["KL", "kept"]) head.append(Object.assign(make("th", { scope: "col" }), { innerHTML: `<span>${name}</span>` }));
    const thead = make("thead"), body = make("tbody");
    thead.append(head);
    corpus.points.forEach((name, p) => {
      const row = make("tr");
      const unaccepted = source.accepted && !source.accepted[p];
      row.className = unaccepted ? "unaccepted" : "";
      row.append(make("th", { scope: "row" }, name + (unaccepted ? " (not accepted)" : "")));
      let kept = 0;
      for (let n = 0; n < count; n++) {
        const value = shade(corpus, source, p, start + n), strength = tone(source, value);
        const cell = make("td", {}, digits(source, value));
        cell.style.setProperty("--p", strength.toFixed(2));
        cell.className = named({ shaded: !Number.isNaN(value), none: Number.isNaN(value), against: value < 0,
          strong: strength > 0.5, faint: strength <= 0.1, column: state.token === n });
        kept += is_kept(source, value);
        row.append(cell);
      }
      if (source.kl) {
        const at = p * corpus.ids.length + e, flipped = source.flipped[at] === 1;
        row.append(make("td", { className: "side" + (flipped ? " flip" : "") }, nats(source.kl[at]) + (flipped ? " changed" : "")));
        row.append(make("td", { className: "side" }, percent(kept / count)));
      }
      body.append(row);
    });
    table.append(thead, body);
    const scroll = make("div", { className: "scroll" });
    scroll.append(table);
    return scroll;
  }

  function first_drop(corpus, source, t) {
    for (let p = 0; p < corpus.points.length; p++) {
      if (source.accepted && !source.accepted[p]) continue;
      const value = shade(corpus, source, p, t);
      if (!Number.isNaN(value) && !(source.signed ? value > 0 : is_kept(source, value))) return p;
    }
    return corpus.points.length;
  }

  function running(corpus, e) {
    const source = corpus.sources[state.source], start = corpus.starts[e], points = corpus.points.length;
    const box = make("div", { className: "running" });
    const titles = { 2: "Question", 3: "Passage", 4: "Passage" };
    let section = null;
    for (let n = 0; n < corpus.counts[e]; n++) {
      const t = start + n, part = corpus.parts[t], title = titles[part];
      if (title && title !== section) {
        box.append(make("span", { className: "label" }, title));
        section = title;
      }
      const button = token_button(corpus, t, n);
      button.textContent = part === 0 ? spelled(corpus, t) : piece(corpus, t);
      let value = state.layer < 0 ? first_drop(corpus, source, t) / points : shade(corpus, source, state.layer, t);
      const kept = state.layer < 0 ? value === 1 : is_kept(source, value);
      const against = value < 0;
      value = state.layer < 0 ? value : tone(source, value);
      button.style.setProperty("--p", value.toFixed(2));
      const within = (from, to) => corpus[from] && corpus[from][e] >= 0 && n >= corpus[from][e] && n <= corpus[to][e];
      const classes = { shaded: true, against, special: part === 0, gap: corpus.spaces[t] || part === 0, kept,
        gold: within("gold_start", "gold_end"), answered: within("predicted_start", "predicted_end") };
      button.className = named(classes);
      box.append(button);
    }
    if (corpus.gold_start) box.append(make("span", { className: "label" }, "Underlined: the answer given; dotted above: the model's answer."));
    return box;
  }

  function choose(n, focus) {
    state.token = n;
    draw();
    if (focus) $("view").querySelector(`[data-token="${n}"]`)?.focus();
  }

  // --- the path of one token through the layers ---
  function draw_path() {
    const corpus = state.corpus, n = state.token;
    if (n === null) { $("path").replaceChildren(); return; }
    const t = corpus.starts[state.example] + n;
    const masks = corpus.sources.filter((source) => !source.signed);
    const current = corpus.sources[state.source];
    const sources = current.signed ? [current] : masks;
    const dropped = first_drop(corpus, current, t);
    const title = make("h3", {}, `“${spelled(corpus, t)}” through the layers`);
    const sentence = current.signed ? `${current.label}: attribution relative to the largest of the text.`
      : dropped === corpus.points.length ? `${current.label}: needed at every layer.`
      : `${current.label}: first dropped at ${corpus.points[dropped]}.`;
    $("path").replaceChildren(title, make("p", {}, sentence), path_chart(corpus, sources, t), path_table(corpus, sources, t));
  }
  function path_chart(corpus, sources, t) {
    const width = 620, height = 190, left = 58, bottom = 34, top = 10, right = 10, points = corpus.points.length;
    const low = sources.some((source) => source.signed) ? -1 : 0;
    const x = (p) => left + ((width - left - right) * (p + 0.5)) / points;
    const y = (v) => height - bottom - ((height - bottom - top) * (v - low)) / (1 - low);
    let inside = "";
    for (const tick of low < 0 ? [-1, 0, 1] : [0, 0.5, 1]) {
      inside += `<line class="grid" x1="${left}" x2="${width - right}" y1="${y(tick)}" y2="${y(tick)}"/><text class="end" x="${left - 6}" y="${y(tick) + 4}">${Math.round(100 * tick)} %</text>`;
    }
    if (low === 0) inside += `<line class="limit" x1="${left}" x2="${width - right}" y1="${y(0.5)}" y2="${y(0.5)}"/>`;
    const every = Math.ceil(points / 14);
    for (let p = 0; p < points; p += every) inside += `<text class="middle" x="${x(p)}" y="${height - bottom + 18}">${short_name(corpus.points[p])}</text>`;
    sources.forEach((source, s) => {
      let path = "", marks = "", pen = "M";
      for (let p = 0; p < points; p++) {
        const value = shade(corpus, source, p, t);
        if (Number.isNaN(value)) { pen = "M"; continue; }
        path += `${pen}${x(p).toFixed(1)} ${y(value).toFixed(1)}`;
        pen = "L";
        marks += `<circle class="mark${source.accepted && !source.accepted[p] ? " hollow" : ""}" cx="${x(p).toFixed(1)}" cy="${y(value).toFixed(1)}" r="4"/>`;
      }
      inside += `<g class="s${s % 8}"><path class="line" d="${path}"/>${marks}</g>`;
    });
    const box = make("div");
    box.innerHTML = `<svg class="chart" viewBox="0 0 ${width} ${height}" aria-hidden="true">${inside}</svg>`;
    if (sources.length > 1) {
      const legend = make("ul", { className: "legend" });
      sources.forEach((source, s) => {
        const item = make("li", {}, source.label);
        item.insertAdjacentHTML("afterbegin", `<svg class="key" viewBox="0 0 28 16" aria-hidden="true"><g class="s${s % 8}"><path class="line" d="M0 8H28"/></g></svg>`);
        legend.append(item);
      });
      box.append(legend);
    }
    return box;
  }
  function escaped(text) {
    const box = make("span", {}, text);
    return box.innerHTML;
  }
  function short_name(name) {
    if (name === "embeddings") return "emb";
    const layer = /^layer (\d+) (input|output)$/.exec(name);
    return layer ? (layer[2] === "input" ? layer[1] : "out") : escaped(name);
  }
  function path_table(corpus, sources, t) {
    const details = make("details", { className: "data" }), table = make("table", { className: "numbers" });
    details.append(make("summary", {}, "Numbers"), table);
    const head = table.createTHead().insertRow();
    for (const name of ["point", ...sources.map((source) => source.label)]) head.append(make("th", { scope: "col" }, name));
    const body = table.createTBody();
    corpus.points.forEach((name, p) => {
      const row = body.insertRow();
      row.append(make("th", { scope: "row" }, name));
      for (const source of sources) row.append(make("td", {}, percent(shade(corpus, source, p, t))));
    });
    return details;
  }

  // --- controls ---
  function options(select, entries) {
    select.replaceChildren(...entries.map(([value, text]) => make("option", { value }, text)));
  }
  function take_corpus(index) {
    const corpus = (state.corpus = corpora[index]);
    state.example = state.source = 0;
    state.layer = -1;
    state.token = null;
    state.fresh = true;
    options($("source"), corpus.sources.map((source, s) => [s, source.label]));
    const present = [...new Set(corpus.split)].sort();
    options($("split"), [["", "all"], ...present.map((code) => [code, corpus.splits[code] ?? code])]);
    $("layer").max = corpus.points.length - 1;
    $("layer").value = -1;
    find();
    show(state.found[0] ?? 0);
  }

  options($("corpus"), corpora.map((corpus, c) => [c, corpus.label]));
  $("corpus-label").hidden = corpora.length < 2;
  $("corpus").addEventListener("change", (event) => take_corpus(Number(event.target.value)));
  let pause;
  $("query").addEventListener("input", () => { clearTimeout(pause); pause = setTimeout(find, 120); });
  document.querySelector("form.controls").addEventListener("submit", (event) => { event.preventDefault(); find(); });
  for (const id of ["order", "split", "only"]) $(id).addEventListener("change", find);
  $("more").addEventListener("click", list_more);
  $("source").addEventListener("change", (event) => { state.source = Number(event.target.value); draw(); });
  $("shape").addEventListener("change", draw);
  $("layer").addEventListener("input", (event) => { state.layer = Number(event.target.value); draw(); });
  $("view").addEventListener("click", (event) => {
    const button = event.target.closest("[data-token]");
    if (button) choose(Number(button.dataset.token), true);
  });
  $("view").addEventListener("keydown", (event) => {
    const button = event.target.closest("[data-token]");
    const moves = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
    if (!button || !(event.key in moves)) return;
    event.preventDefault();
    const last = state.corpus.counts[state.example] - 1;
    choose(Math.min(last, Math.max(0, Number(button.dataset.token) + moves[event.key])), true);
  });
  for (const link of document.querySelectorAll("[data-example]")) {
    link.addEventListener("click", () => {
      const number = state.corpus.ids.indexOf(link.dataset.example);
      if (number < 0) return;
      show(number);
      $("reading-title").scrollIntoView({ block: "center" });
    });
  }
  $("texts-message").hidden = true;
  $("explorer").hidden = false;
  take_corpus(0);
})();
