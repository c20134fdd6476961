// The filters of the list: times in the viewer's zone, addresses without what
// is not asked for.
"use strict";
(() => {
  const form = document.getElementById("filters");

  // local writes a moment as a field for one takes it.
  const local = (at) => new Date(at - at.getTimezoneOffset() * 60000).toISOString().slice(0, 16);

  for (const field of form.querySelectorAll("[data-moment]")) {
    const at = new Date(field.dataset.moment);
    if (!isNaN(at)) field.value = local(at);
  }

  form.addEventListener("change", () => {
    const custom = form.elements.period.value === "custom";
    for (const field of form.querySelectorAll("[data-custom]")) field.hidden = !custom;
  });

  form.addEventListener("formdata", (event) => {
    const custom = event.formData.get("period") === "custom";
    for (const [name, value] of [...event.formData]) {
      if (value === "" || (!custom && (name === "since" || name === "until"))) event.formData.delete(name);
      else if (name === "since" || name === "until") event.formData.set(name, new Date(value).toISOString());
    }
  });
})();
