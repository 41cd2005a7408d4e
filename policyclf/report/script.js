
"use strict";
(() => {
  const page = document.documentElement;
  const byId = (id) => document.getElementById(id);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const words = JSON.parse(byId("words").textContent);
  const numbers = (text) => (text ? text.split(" ").map(Number) : []);
  const main = byId("policy");
  const panel = byId("details");

  // Clauses, in the order of the page. A clause cut by table cells has several parts.
  const clauses = new Map();
  for (const part of all("bdi[data-c]", main)) {
    const key = part.dataset.c;
    if (!clauses.has(key)) {
      const { n, p, d, s, y, x, to } = part.dataset;
      clauses.set(key, {
        key, parts: [], label: null, number: n ? Number(n) : 0, practices: numbers(p), denied: numbers(d),
        scores: numbers(s), y: Number(y), status: x || "", others: to ? to.split(" ") : [],
      });
    }
    clauses.get(key).parts.push(part);
  }
  for (const label of all(".label", main)) clauses.get(label.dataset.for).label = label;
  const labelled = [...clauses.values()].filter((clause) => clause.label);
  const total = (clause) => labelled.filter((other) => other.key.split("c")[0] === clause.key.split("c")[0]).length;

  const selected = new Set();
  let language = page.lang;
  let shown = labelled;
  let current = null;

  // {} are filled in their order, {0} and {1} by their number.
  const word = (key, ...values) => {
    let next = 0;
    return words[language][key].replace(/\{(\d*)\}/g, (_, at) => values[at === "" ? next++ : Number(at)]);
  };
  const say = (text) => { byId("status").textContent = text; };
  const make = (name, className = "", text = "") => {
    const element = document.createElement(name);
    if (className) element.className = className;
    if (text) element.textContent = text;
    return element;
  };
  const textOf = (clause) => clause.parts.map((part) => part.textContent).join(" ").trim();

  // Language: the one asked for, else the browser's first that the page speaks, else the policy's.
  function speak(chosen) {
    language = page.lang = chosen;
    for (const named of all("[data-en][data-ja]")) named.setAttribute("aria-label", named.dataset[chosen]);
    for (const tick of all(".strip a")) {
      const clause = clauses.get(tick.dataset.c);
      const name = words[chosen].names[Number(tick.dataset.p)];
      const of = clause.parts[0].closest(".side")?.getAttribute("aria-label");
      tick.setAttribute("aria-label", `${of ? `${of}: ` : ""}${name}: ${textOf(clause).slice(0, 90)}`);
    }
    for (const button of all("[data-set]")) button.setAttribute("aria-pressed", button.dataset.set === chosen);
    count();
    if (!panel.hidden) fill();
  }
  const wanted = (navigator.languages || []).map((tag) => tag.slice(0, 2)).find((tag) => words[tag]);

  // Filter
  function matches(clause) {
    if (selected.size && !clause.practices.some((practice) => selected.has(practice))) return false;
    if (byId("differences").checked) return clause.status !== "" && clause.status !== "moved";
    return true;
  }
  function filter() {
    const filtering = selected.size > 0 || byId("differences").checked;
    page.classList.toggle("filtering", filtering);
    for (const clause of clauses.values()) {
      const off = filtering && !(clause.label && matches(clause));
      const practice = clause.practices.find((p) => selected.has(p)) ?? clause.practices[0];
      for (const part of clause.parts) {
        if (!clause.label) continue;
        part.classList.toggle("off", off);
        for (const piece of all("u[data-e]", part)) {
          piece.classList.toggle("quiet", selected.size > 0 && !numbers(piece.dataset.e).some((p) => selected.has(p)));
        }
        if (practice === undefined) continue;
        part.classList.remove(...clause.practices.map((p) => `p${p}`));
        part.classList.add(`p${practice}`);
        part.classList.toggle("no", clause.denied.includes(practice));
      }
      if (clause.label) {
        clause.label.classList.toggle("off", off);
        const status = clause.label.nextElementSibling;
        if (status && status.classList.contains("status")) status.classList.toggle("off", off);
      }
    }
    shown = labelled.filter(matches);
    for (const column of all(".strip g")) {
      column.classList.toggle("off", selected.size > 0 && !selected.has(Number(column.dataset.p)));
    }
    for (const button of all(".filter")) button.setAttribute("aria-pressed", selected.has(Number(button.dataset.p)));
    hide(filtering);
    rove(shown.includes(current) ? current : shown[0]);
    count();
  }
  // "Show only": blocks without a clause that is shown go, but for the headings above one.
  function hide(filtering) {
    const only = filtering && (byId("only").checked || byId("differences").checked);
    const kept = new Set(shown.flatMap((clause) => clause.parts));
    for (const clause of labelled) {
      const away = only && byId("only").checked && !shown.includes(clause);
      for (const part of clause.parts) part.classList.toggle("gone", away);
    }
    const holds = (block) => all("bdi[data-c]", block).some((part) => kept.has(part));
    for (const block of all(".pair:not(.heads), p, li, tr, hr, blockquote, .scroll, ul", main)) {
      if (block.closest(".pair") && !block.classList.contains("pair")) continue;
      if (block.classList.contains("file") || block.classList.contains("nothing")) continue;
      const header = block.matches("tr") && block.querySelector("th");
      block.classList.toggle("gone", only && !header && !holds(block));
    }
    for (const article of all(".policy")) {
      let open = [];
      for (const block of article.children) {
        const title = block.matches(".pair") ? block.querySelector("h2,h3,h4,h5,h6") : block.matches("h2,h3,h4,h5,h6") ? block : null;
        if (title) {
          const level = Number(title.tagName[1]);
          open = open.filter((heading) => heading.level < level);
          open.push({ level, block });
          block.classList.toggle("gone", only && !(block.matches(".pair") && holds(block)));
        }
        if (only && !block.classList.contains("gone") && holds(block)) {
          for (const heading of open) heading.block.classList.remove("gone");
        }
      }
    }
  }
  function count() {
    const filtering = page.classList.contains("filtering");
    const text = filtering ? word("shown", shown.length, labelled.length) : word("all_shown", labelled.length);
    byId("count").textContent = filtering ? text : word("count", labelled.length);
    for (const id of ["back", "forth"]) byId(id).disabled = shown.length === 0;
    byId("clear").disabled = !filtering;
    return text;
  }
  function choose(practice) {
    if (selected.has(practice)) selected.delete(practice);
    else selected.add(practice);
    filter();
    const names = [...selected].map((p) => words[language].names[p]).join(language === "ja" ? "、" : ", ");
    say((names ? `${names}: ` : "") + count());
  }

  // Going from clause to clause: one label is in the tab order, the arrow keys move it.
  function rove(clause) {
    for (const other of labelled) other.label.tabIndex = other === clause ? 0 : -1;
  }
  function mark(clause) {
    for (const part of all("bdi.current, bdi.twin", main)) part.classList.remove("current", "twin");
    for (const other of labelled) other.label.setAttribute("aria-expanded", "false");
    current = clause;
    if (!clause) return;
    rove(clause);
    for (const part of clause.parts) part.classList.add("current");
    for (const key of clause.others) for (const part of clauses.get(key).parts) part.classList.add("twin");
    clause.label.setAttribute("aria-expanded", String(!panel.hidden));
  }
  function go(clause, focus = true) {
    if (!clause) return;
    if (clause.parts[0].closest(".gone")) { byId("only").checked = byId("differences").checked = false; filter(); }
    mark(clause);
    clause.parts[0].scrollIntoView({ block: "center" });
    if (focus) clause.label.focus({ preventScroll: true });
    if (!panel.hidden) fill();
  }
  function step(by) {
    if (!shown.length) return null;
    const at = shown.indexOf(current);
    const next = at < 0 ? (by > 0 ? 0 : shown.length - 1) : (at + by + shown.length) % shown.length;
    return shown[next];
  }

  // Scores
  function open(clause, byKeyboard) {
    panel.hidden = false;
    page.classList.add("panel-open");
    mark(clause);
    fill();
    page.style.scrollPaddingBottom = `${panel.offsetHeight + 24}px`;
    clause.parts[0].scrollIntoView({ block: "nearest" });
    if (byKeyboard) panel.focus({ preventScroll: true });
  }
  function close() {
    if (panel.hidden) return;
    const inside = panel.contains(document.activeElement);
    panel.hidden = true;
    page.classList.remove("panel-open");
    page.style.scrollPaddingBottom = "";
    const clause = current;
    mark(null);
    if (clause) { rove(clause); current = clause; if (inside) clause.label.focus(); }
  }
  function tag(practice, denied, full) {
    const name = words[language][full ? "names" : "short"][practice];
    return make("span", `tag p${practice}${denied ? " no" : ""}`, denied && !full ? word("not", name) : name);
  }
  function fill() {
    const clause = current;
    const percent = (practice) => {
      const score = clause.scores[practice] / 10;
      return score > 0 && score < 1 ? "< 1 %" : score > 99 && score < 100 ? "> 99 %" : `${Math.round(score)} %`;
    };
    byId("details-title").textContent = word("clause_of", clause.number, total(clause));
    const list = make("dl");
    for (const practice of clause.practices) {
      const row = make("div");
      const term = make("dt");
      const denied = clause.denied.includes(practice);
      term.append(tag(practice, denied, true));
      row.append(term);
      if (denied) row.append(make("dd", "", word("said_not")));
      const evidence = clause.parts.flatMap((part) => all("u[data-e]", part))
        .filter((piece) => numbers(piece.dataset.e).includes(practice));
      if (evidence.length) {
        const description = make("dd", `p${practice}`, `${word("evidence")}: `);
        for (const piece of evidence) {
          const quote = make("q");
          quote.append(make("bdi", "", piece.textContent));
          description.append(quote);
        }
        row.append(description);
      }
      list.append(row);
    }
    const labels = [clause.practices.length ? list : make("p", "", word("none"))];
    if (page.dataset.view === "pair") {
      const answers = make("p", "answers");
      if (clause.others.length) {
        answers.append(`${word("counterpart")}: `);
        for (const key of clause.others) {
          const button = make("button");
          button.type = "button";
          button.append(make("bdi", "", textOf(clauses.get(key)).slice(0, 160)));
          button.addEventListener("click", () => go(clauses.get(key)));
          answers.append(button, " ");
        }
      } else answers.textContent = word("no_counterpart");
      labels.push(answers);
    }
    byId("details-labels").replaceChildren(...labels);
    byId("details-scores").replaceChildren(...clause.scores.map((_, practice) => {
      const row = make("li", clause.practices.includes(practice) ? "given" : "");
      const bar = make("span", `bar p${practice}`);
      const filled = make("i");
      filled.style.width = `${clause.scores[practice] / 10}%`;
      bar.setAttribute("aria-hidden", "true");
      bar.append(filled);
      row.append(tag(practice, false, false), bar, make("span", "figure", percent(practice)));
      return row;
    }));
    const given = clause.practices.map((p) => {
      const denied = clause.denied.includes(p) ? ` (${word("said_not")})` : "";
      return `${words[language].names[p]} ${percent(p)}${denied}`;
    });
    say(given.join(language === "ja" ? "、" : ", ") || word("none"));
  }

  // Events
  document.addEventListener("click", (event) => {
    const target = event.target;
    const button = target.closest("button");
    const tick = target.closest(".strip a");
    if (tick) { event.preventDefault(); go(clauses.get(tick.dataset.c)); return; }
    if (target.closest(".strip")) {
      const box = target.closest(".strip").getBoundingClientRect();
      const y = (1000 * (event.clientY - box.top)) / box.height;
      go(labelled.reduce((best, c) => (!best || Math.abs(c.y - y) < Math.abs(best.y - y) ? c : best), null), false);
      return;
    }
    if (target.closest(".skip")) { event.preventDefault(); main.focus(); return; }
    if (button?.dataset.set) { speak(button.dataset.set); return; }
    if (button?.classList.contains("filter")) { choose(Number(button.dataset.p)); return; }
    if (button?.classList.contains("label")) { open(clauses.get(button.dataset.for), event.detail === 0); return; }
    const clause = clauses.get(target.closest("bdi[data-c]")?.dataset.c);
    if (clause?.label && main.contains(target) && getSelection().isCollapsed) open(clause, false);
  });
  byId("back").addEventListener("click", () => go(step(-1)));
  byId("forth").addEventListener("click", () => go(step(1)));
  byId("details-back").addEventListener("click", () => go(step(-1), false));
  byId("details-forth").addEventListener("click", () => go(step(1), false));
  byId("details-close").addEventListener("click", close);
  byId("clear").addEventListener("click", () => {
    selected.clear();
    byId("only").checked = byId("differences").checked = false;
    filter();
    say(count());
  });
  for (const id of ["only", "differences"]) byId(id).addEventListener("change", () => { filter(); say(count()); });
  main.addEventListener("focusin", (event) => {
    const clause = clauses.get(event.target.dataset?.for);
    if (clause && clause !== current) { mark(clause); if (!panel.hidden) fill(); }
  });
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Escape") { close(); return; }
    const forward = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (event.target.classList?.contains("label")) {
      const ends = { Home: shown[0], End: shown[shown.length - 1] }[event.key];
      if (forward || ends) { event.preventDefault(); go(ends || step(forward)); }
      return;
    }
    const tick = event.target.closest?.(".strip a");
    if (tick && forward) { event.preventDefault(); walkStrip(tick, event.key); }
  });
  function walkStrip(tick, key) {
    const column = all("a", tick.parentNode);
    const at = column.indexOf(tick);
    let next = null;
    if (key === "ArrowDown") next = column[at + 1];
    else if (key === "ArrowUp") next = column[at - 1];
    else {
      const columns = all("g", tick.closest("svg")).filter((g) => g.firstElementChild);
      const side = columns[columns.indexOf(tick.parentNode) + (key === "ArrowRight" ? 1 : -1)];
      const y = clauses.get(tick.dataset.c).y;
      const far = (other) => Math.abs(clauses.get(other.dataset.c).y - y);
      if (side) next = all("a", side).reduce((best, other) => (far(other) < far(best) ? other : best));
    }
    if (!next) return;
    tick.setAttribute("tabindex", "-1");
    next.setAttribute("tabindex", "0");
    next.focus();
  }
  for (const strip of all(".strip")) strip.querySelector("a")?.setAttribute("tabindex", "0");

  // What of the document is in view, on the strip
  const inView = new Set();
  const last = (clause) => clause.y + 12;
  const watcher = new IntersectionObserver((changes) => {
    for (const change of changes) {
      const clause = clauses.get(change.target.dataset.c);
      if (change.isIntersecting) inView.add(clause);
      else inView.delete(clause);
    }
    if (!inView.size) return;
    const from = Math.min(...[...inView].map((clause) => clause.y));
    const to = Math.min(1000, Math.max(...[...inView].map(last)));
    for (const view of all(".strip .view")) {
      view.setAttribute("y", from);
      view.setAttribute("height", Math.max(0, to - from));
    }
  });
  for (const clause of clauses.values()) watcher.observe(clause.parts[0]);

  speak(page.dataset.chosen || wanted || page.lang);
  filter();
})();
