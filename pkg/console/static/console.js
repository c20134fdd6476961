// What every page does: times in the viewer's zone, the menu of a telephone,
// colours, questions before what cannot be undone, and parts that are live.
"use strict";

const styles = {
  full: new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" }),
  date: new Intl.DateTimeFormat(undefined, { dateStyle: "medium" }),
  clock: new Intl.DateTimeFormat(undefined, { timeStyle: "medium" }),
};
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const steps = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

// ago returns "3 minutes ago".
function ago(at) {
  const seconds = Math.round((at - Date.now()) / 1000);
  for (const [unit, size] of steps) {
    if (Math.abs(seconds) >= size || unit === "second") return relative.format(Math.trunc(seconds / size), unit);
  }
}

// localize shows the times below root in the viewer's zone.
function localize(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    const style = time.dataset.style;
    const text = style === "ago" ? ago(at) : (styles[style] || styles.full).format(at);
    if (time.textContent !== text) time.textContent = text;
    if (!time.title) time.title = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" }).format(at);
  }
}

function dark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

document.addEventListener("click", (event) => {
  const themes = event.target.closest("[data-theme-button]");
  if (themes) {
    const next = dark() ? "light" : "dark";
    localStorage.setItem("theme", next);
    document.documentElement.dataset.theme = next;
    themes.setAttribute("aria-pressed", String(next === "dark"));
    document.dispatchEvent(new CustomEvent("theme"));
  }
  const menu = event.target.closest("[data-menu]");
  if (menu) {
    const open = document.body.classList.toggle("menu-open");
    menu.setAttribute("aria-expanded", String(open));
  }
  const copy = event.target.closest("[data-copy]");
  if (copy) copyText(copy);
});

// copyText copies the text of the element that the button names, and says so.
async function copyText(button) {
  const from = document.getElementById(button.dataset.copy);
  await navigator.clipboard.writeText(from.value ?? from.dataset.text ?? from.innerText);
  const label = button.querySelector("span") || button;
  const before = label.textContent;
  label.textContent = "Copied";
  setTimeout(() => { label.textContent = before; }, 1500);
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && document.body.classList.contains("menu-open")) {
    document.querySelector("[data-menu]").click();
    document.querySelector("[data-menu]").focus();
  }
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  const search = document.querySelector("[data-search]");
  if (event.key === "/" && !typing && search) {
    event.preventDefault();
    search.focus();
  }
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});

// A form with data-confirm is sent once its question is answered with yes;
// data-yes is what that is called.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.dataset.confirm || form.dataset.confirmed) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const dialog = document.getElementById("confirm");
  const submitter = event.submitter;
  dialog.querySelector("p").textContent = form.dataset.confirm;
  dialog.querySelector("[data-yes]").textContent = form.dataset.yes || "Yes";
  dialog.querySelector("[data-yes]").classList.toggle("danger", "danger" in form.dataset);
  dialog.querySelector("form").onsubmit = (answer) => {
    if (answer.submitter?.value !== "yes") return;
    form.dataset.confirmed = "yes";
    form.requestSubmit(submitter);
    delete form.dataset.confirmed;
  };
  dialog.showModal();
}, true);

// Elements with data-live="5" get the event "tick" every five seconds while the
// page is seen; hx-trigger="tick" asks for them anew.
setInterval(() => {
  if (document.hidden) return;
  const second = Math.floor(Date.now() / 1000);
  for (const part of document.querySelectorAll("[data-live]")) {
    if (second % Number(part.dataset.live) === 0) part.dispatchEvent(new CustomEvent("tick"));
  }
}, 1000);

document.addEventListener("htmx:after:swap", () => localize(document));
setInterval(() => localize(document), 30000);

localize(document);
document.querySelector("[data-theme-button]")?.setAttribute("aria-pressed", String(dark()));
document.documentElement.classList.add("ready");
