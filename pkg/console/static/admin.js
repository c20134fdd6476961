// What the pages for administrators and operators do besides: questions with
// something to type, times in the viewer's zone in forms, and selections.
"use strict";

// Browsers that do not know command and commandfor open and close dialogs here.
if (!("command" in HTMLButtonElement.prototype)) {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[commandfor]");
    const dialog = button && document.getElementById(button.getAttribute("commandfor"));
    if (!dialog) return;
    if (button.getAttribute("command") === "show-modal") dialog.showModal();
    else dialog.close();
  });
}

// A dialog whose form was refused is open again, with what was typed.
for (const dialog of document.querySelectorAll("dialog[data-open]")) dialog.showModal();

// What confirms something has to be typed exactly.
document.addEventListener("input", (event) => {
  const exactly = event.target.dataset.exactly;
  if (exactly === undefined) return;
  event.target.setCustomValidity(event.target.value.trim() === exactly ? "" : `Type “${exactly}” to confirm.`);
});

// moment returns a time as a field of a form takes it, in the viewer's zone.
function moment(at) {
  const local = new Date(at.getTime() - at.getTimezoneOffset() * 60000);
  return local.toISOString().slice(0, 19);
}

for (const field of document.querySelectorAll("input[data-moment]")) {
  const at = new Date(field.dataset.moment);
  if (field.dataset.moment && !Number.isNaN(at.getTime())) field.value = moment(at);
}

// The server is told times in UTC.
document.addEventListener("formdata", (event) => {
  for (const field of event.target.querySelectorAll("input[data-moment]")) {
    if (!field.name || !event.formData.has(field.name)) continue;
    const at = new Date(field.value);
    if (field.value && !Number.isNaN(at.getTime())) event.formData.set(field.name, at.toISOString());
    else event.formData.delete(field.name);
  }
});

// A box with data-all checks all others of its form; what needs a choice is
// possible once there is one.
document.addEventListener("change", (event) => {
  const form = event.target.form;
  if (!form || !form.matches("[data-selection]")) return;
  // form.id would be the boxes of that name
  const boxes = [...document.querySelectorAll(`input[type=checkbox][name=id][form="${form.getAttribute("id")}"]`)];
  const all = document.querySelector(`[data-all][form="${form.getAttribute("id")}"]`);
  if (event.target === all) for (const box of boxes) box.checked = all.checked;
  const chosen = boxes.filter((box) => box.checked).length;
  all.checked = chosen === boxes.length && chosen > 0;
  all.indeterminate = chosen > 0 && chosen < boxes.length;
  for (const button of form.querySelectorAll("[data-needs-choice]")) button.disabled = chosen === 0;
  for (const count of form.querySelectorAll("[data-chosen]")) count.textContent = chosen ? ` ${chosen}` : "";
});
