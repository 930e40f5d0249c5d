// Keeps the live part of a page new, shows times where the reader is, and takes dropped files.
// Without it everything works: pages reload by themselves, times are in UTC, the file is chosen by the button.
"use strict";

(() => {
  const EVERY_MS = 2000;
  const LONGEST_MS = 30000;
  const part = document.querySelector("[data-live]");
  const state = document.querySelector("[data-live-state]");

  const moments = new Intl.DateTimeFormat(undefined, {dateStyle: "medium", timeStyle: "short"});
  const clock = new Intl.DateTimeFormat(undefined, {hour: "2-digit", minute: "2-digit", second: "2-digit"});

  const showTimes = (within) => {
    for (const time of within.querySelectorAll("time[datetime]")) {
      time.title = time.textContent;
      time.textContent = moments.format(new Date(time.dateTime));
    }
  };

  const say = (words, isLost) => {
    if (!state) return;
    if (state.textContent !== words) state.textContent = words;
    state.classList.toggle("lost", isLost);
    state.setAttribute("aria-live", isLost ? "polite" : "off");
  };

  const show = (html) => {
    const fresh = document.createElement("template");
    fresh.innerHTML = html;
    showTimes(fresh.content);
    Idiomorph.morph(part, fresh.content, {
      morphStyle: "innerHTML",
      ignoreActiveValue: true,
      callbacks: {beforeAttributeUpdated: (name, node) => !(name === "open" && node.tagName === "DETAILS")},
    });
    const headline = part.querySelector(".headline");
    if (headline) document.title = `${headline.textContent.trim()} · Themed ads`;
  };

  let good = new Date();
  let wait = EVERY_MS;
  let next = 0;
  let isLooking = false;

  const later = (ms) => {
    clearTimeout(next);
    next = setTimeout(look, ms);
  };

  const look = async () => {
    if (document.hidden || isLooking) return;
    isLooking = true;
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), 15000);
    try {
      const answer = await fetch(part.dataset.live, {signal: stop.signal, credentials: "same-origin"});
      if (answer.status === 401 || answer.status === 404) {
        location.reload();
        return;
      }
      if (!answer.ok) throw new Error(String(answer.status));
      show(await answer.text());
      good = new Date();
      wait = EVERY_MS;
      say(`live, ${clock.format(good)}`, false);
    } catch {
      wait = Math.min(LONGEST_MS, wait * 1.5);
      say(`no answer: as of ${clock.format(good)}`, true);
    } finally {
      clearTimeout(timer);
      isLooking = false;
    }
    if (part.querySelector("[data-ready]")) {
      say("", false);
      return;
    }
    later(wait);
  };

  showTimes(document);
  if (part) {
    say(`live, ${clock.format(good)}`, false);
    later(EVERY_MS);
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) later(0);
    });
  }

  for (const form of document.querySelectorAll("form")) {
    form.addEventListener("submit", () => {
      for (const button of form.querySelectorAll("button[data-busy]")) {
        button.textContent = button.dataset.busy;
        setTimeout(() => { button.disabled = true; });
      }
    });
  }
  // Back from the next page: the browser shows this one as it was left.
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  const drop = document.querySelector("[data-drop]");
  if (drop) {
    const input = drop.querySelector("input[type=file]");
    const name = drop.querySelector("[data-file-name]");
    const chosen = () => { if (input.files.length) name.textContent = input.files[0].name; };
    input.addEventListener("change", chosen);
    for (const kind of ["dragenter", "dragover"]) {
      drop.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over-it"); });
    }
    for (const kind of ["dragleave", "dragend"]) {
      drop.addEventListener(kind, () => drop.classList.remove("over-it"));
    }
    drop.addEventListener("drop", (event) => {
      event.preventDefault();
      drop.classList.remove("over-it");
      if (event.dataTransfer.files.length) {
        input.files = event.dataTransfer.files;
        chosen();
      }
    });
    // Beside the field a file would be opened, and the page be gone.
    for (const kind of ["dragover", "drop"]) addEventListener(kind, (event) => event.preventDefault());
  }
})();
